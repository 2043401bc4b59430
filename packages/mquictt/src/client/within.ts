/** Waiting with an end. */
import type { Runtime } from '@mquictt/quic-node';
import { MqttError } from '../errors.ts';

/** Waits for a promise until a deadline on the runtime's clock, or until a signal. The promise goes on. */
export function within<T>(
  promise: Promise<T>,
  runtime: Runtime,
  deadline: number,
  signal: AbortSignal | undefined,
  error: () => MqttError,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = runtime.createTimer(() => settle(() => reject(error())));
    const onAbort = (): void => settle(() => reject(signal?.reason));
    const settle = (act: () => void): void => {
      timer.clear();
      signal?.removeEventListener('abort', onAbort);
      act();
    };
    promise.then(
      (value) => settle(() => resolve(value)),
      (reason: unknown) => settle(() => reject(reason)),
    );
    if (signal?.aborted === true) onAbort();
    else if (deadline < Infinity) timer.set(deadline);
    signal?.addEventListener('abort', onAbort);
  });
}

export function timeoutError(message: string): MqttError {
  return new MqttError('ERR_MQTT_TIMEOUT', message, { fault: 'timeout' });
}
