/** A Recovery with a host that writes down what it hears, and short ways to send and acknowledge. Times are explicit everywhere. */
import type { CongestionController } from '../../src/congestion/controller.ts';
import { newReno } from '../../src/congestion/new-reno.ts';
import { Recovery, type RecoveryHost } from '../../src/recovery/recovery.ts';
import { Carried } from '../../src/recovery/sent-packet.ts';
import { Space } from '../../src/recovery/spaces.ts';

export const SIZE = 1200;

export interface HarnessOptions {
  readonly isClient?: boolean;
  readonly controller?: CongestionController;
  /** @default true */
  readonly confirmed?: boolean;
}

export interface SendOptions {
  readonly space?: Space;
  readonly size?: number;
  /** An ACK-only packet. */
  readonly ackOnly?: boolean;
}

export class Harness implements RecoveryHost {
  readonly recovery: Recovery;
  readonly next: [number, number, number] = [0, 0, 0];
  /** The packet numbers (each packet carries its own as a STREAM offset) in the order in which the host heard of them. */
  acked: number[] = [];
  lost: number[] = [];
  onAckedHook: ((space: Space, packetNumber: number) => void) | undefined = undefined;

  constructor(options: HarnessOptions = {}) {
    this.recovery = new Recovery({
      controller: options.controller ?? newReno(SIZE),
      maxDatagramSize: SIZE,
      isClient: options.isClient ?? true,
      host: this,
    });
    if (options.confirmed ?? true) this.recovery.setHandshakeState(true, true, true);
  }

  onAcked(space: Space, _kind: Carried, _a: number, b: number): void {
    this.acked.push(b);
    this.onAckedHook?.(space, b);
  }

  onLost(_space: Space, _kind: Carried, _a: number, b: number): void {
    this.lost.push(b);
  }

  /** Sends `count` packets at once. @returns the number of the last */
  send(now: number, count = 1, options: SendOptions = {}): number {
    const space = options.space ?? Space.APPLICATION;
    for (let i = 0; i < count; i++) {
      const packetNumber = this.next[space]++;
      const packet = this.recovery.sentPacket(space, packetNumber);
      packet.timeSent = now;
      packet.size = options.size ?? (options.ackOnly === true ? 40 : SIZE);
      packet.ackEliciting = options.ackOnly !== true;
      packet.inFlight = packet.ackEliciting;
      if (packet.ackEliciting) packet.carry(Carried.STREAM, 0, packetNumber, 1);
      else packet.carry(Carried.ACK, 0, packetNumber, 0);
      this.recovery.onPacketSent(space, packet, now);
    }
    return this.next[space] - 1;
  }

  /** Acknowledges ranges of packet numbers, both ends included, the newest first. */
  ack(now: number, ranges: [number, number][], options: { space?: Space; ackDelay?: number } = {}): boolean {
    const flat = ranges.flatMap(([first, last]) => [first, last + 1]);
    const largest = ranges[0]![1];
    const space = options.space ?? Space.APPLICATION;
    return this.recovery.onAckReceived(space, largest, options.ackDelay ?? 0, flat, ranges.length, now);
  }
}
