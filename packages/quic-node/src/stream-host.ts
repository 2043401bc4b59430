import type { Connection, QuicError } from '@mquictt/quic-core';

/** How a stream hears of what the core says about it. */
export interface StreamSink {
  onEvent(type: 'readable' | 'writable' | 'finished' | 'stopped', errorCode: number): void;
  /** The connection is over: whoever waits is told why. */
  onClosed(error: QuicError): void;
}

/** What a stream needs of its connection. */
export interface StreamHost {
  readonly core: Connection;
  /** From now on events of this id go to `sink`. */
  adopt(id: number, sink: StreamSink): void;
  /** Both halves are done: no more events are wanted. */
  forget(id: number): void;
  /** A command was given: a turn must follow. */
  wake(): void;
}
