/** Where the broker tells what it does. The methods are those of pino, which fits as it is; by default nothing is said. */
import type { LogFunction } from './core/broker-stats.ts';

export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export function logFunction(logger: Logger | undefined): LogFunction {
  if (logger === undefined) return () => {};
  return (level, message, fields) => logger[level](fields, message);
}
