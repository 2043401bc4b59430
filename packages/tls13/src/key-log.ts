/** Lines of the SSLKEYLOGFILE format, by which a packet analyser reads a recorded connection. */
import type { KeyLog } from './handshake.ts';
import type { EarlySchedule, HandshakeSchedule, MasterSchedule } from './key-schedule.ts';

function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** Writes the secrets of one handshake, told apart by its client random. */
export class KeyLogger {
  readonly #keyLog: KeyLog | undefined;
  readonly #clientRandom: Uint8Array;

  constructor(keyLog: KeyLog | undefined, clientRandom: Uint8Array) {
    this.#keyLog = keyLog;
    this.#clientRandom = clientRandom;
  }

  /** @param transcriptHash of the ClientHello */
  early(schedule: EarlySchedule, transcriptHash: Uint8Array): void {
    if (this.#keyLog === undefined) return;
    this.#line('CLIENT_EARLY_TRAFFIC_SECRET', schedule.clientEarlyTrafficSecret(transcriptHash));
    this.#line('EARLY_EXPORTER_SECRET', schedule.earlyExporterSecret(transcriptHash));
  }

  handshake(schedule: HandshakeSchedule): void {
    this.#line('CLIENT_HANDSHAKE_TRAFFIC_SECRET', schedule.clientTrafficSecret);
    this.#line('SERVER_HANDSHAKE_TRAFFIC_SECRET', schedule.serverTrafficSecret);
  }

  master(schedule: MasterSchedule): void {
    if (this.#keyLog === undefined) return;
    this.#line('CLIENT_TRAFFIC_SECRET_0', schedule.clientTrafficSecret);
    this.#line('SERVER_TRAFFIC_SECRET_0', schedule.serverTrafficSecret);
    this.#line('EXPORTER_SECRET', schedule.exporterSecret());
  }

  #line(label: string, secret: Uint8Array): void {
    this.#keyLog?.(`${label} ${hex(this.#clientRandom)} ${hex(secret)}`);
  }
}
