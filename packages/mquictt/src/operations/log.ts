/** What `mquictt serve` writes: pino's JSON, or lines for a terminal made of the same. */
import type { Logger } from '../logger.ts';

export type LogLevelName = 'debug' | 'info' | 'warn' | 'error' | 'silent';
export type LogFormat = 'json' | 'pretty';

export interface ServiceLogger extends Logger {
  /** The least that is written; may change while the broker runs. */
  level: LogLevelName;
}

/**
 * @param write takes a line without its end
 * @returns a logger that pino stands behind: fields first, then the message
 */
export async function makeLogger(
  level: LogLevelName,
  format: LogFormat,
  write: (line: string) => void,
): Promise<ServiceLogger> {
  const { pino, stdSerializers, stdTimeFunctions } = await import('pino');
  const toLine = format === 'json' ? (json: string) => json.trimEnd() : prettyLine;
  const logger = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: stdSerializers.err },
    },
    { write: (json: string) => write(toLine(json)) },
  );
  const at =
    (name: 'debug' | 'info' | 'warn' | 'error') =>
    (fields: object, message: string): void =>
      logger[name](cleaned(fields), clean(message));
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    get level() {
      return logger.level as LogLevelName;
    },
    set level(next) {
      logger.level = next;
    },
  };
}

/**
 * Control and format characters, half surrogates, separators of lines: in a client identifier they would let a client write lines of its own into the log, or
 * colour, turn around and hide those of others.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Characters of a text in the log, so that one line stays one line that can be read. */
const MAX_TEXT = 512;

/** Makes a text from outside fit to be shown. */
export function clean(text: string): string {
  const printable = text.replace(UNPRINTABLE, '\ufffd');
  return printable.length <= MAX_TEXT ? printable : `${printable.slice(0, MAX_TEXT - 3)}...`;
}

function cleaned(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? clean(value) : value]),
  );
}

/** `18:59:01.123 info  A client connected  clientId=a remote=127.0.0.1:5` */
function prettyLine(json: string): string {
  const { level, time, msg, error, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const words = Object.entries(fields).map(([name, value]) => `${name}=${wordOf(value)}`);
  const { stack, message } = (error ?? {}) as { stack?: string; message?: string };
  const line = [`${String(time).slice(11, 23)} ${String(level).padEnd(5)} ${String(msg)}`, ...words].join('  ');
  return error === undefined ? line : `${line}\n${stack ?? message ?? JSON.stringify(error)}`;
}

function wordOf(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
