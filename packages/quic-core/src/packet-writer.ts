/** The beginning of a packet, and its ACK frame: what packets with frames and packets with CONNECTION_CLOSE have in common. */
import type { ConnectionContext } from './connection-context.ts';
import { Writer } from './cursor.ts';
import { MIN_ACK_SIZE, writeAck } from './frames/ack.ts';
import { PacketType, writeLongHeader, writeShortHeader } from './packet-header.ts';
import { packetNumberLength } from './packet-number.ts';
import { PacketLayout } from './packet-sealer.ts';
import { TAG_LENGTH } from './protection/protector.ts';
import { Space } from './recovery/spaces.ts';
import { SkippedNumbers } from './skipped-numbers.ts';

/** ack_delay_exponent that we announce by saying nothing: the default. */
const ACK_DELAY_DIVISOR = 8;
const LONG_TYPES = [PacketType.INITIAL, PacketType.HANDSHAKE] as const;

/** Where packets are written. Scratch of synchronous calls, shared by all connections of the thread. */
export const writer: Writer = new Writer();

export class PacketWriter {
  readonly #context: ConnectionContext;
  readonly #skipped: SkippedNumbers;
  /** Of the packet at hand. */
  readonly layout: PacketLayout = new PacketLayout();

  constructor(context: ConnectionContext) {
    this.#context = context;
    this.#skipped = new SkippedNumbers(context.random);
  }

  /** Whether packets of a space can be made. */
  hasKeys(index: Space): boolean {
    const { spaces, applicationKeys } = this.#context;
    const space = spaces[index];
    if (space.isDiscarded) return false;
    return index === Space.APPLICATION ? applicationKeys.writeKey !== undefined : space.writeKeys !== undefined;
  }

  /** Writes a header. The writer is left with room for the payload alone. @returns the packet number; it is used up once the packet is sealed */
  begin(index: Space, datagramEnd: number): number {
    const context = this.#context;
    const space = context.spaces[index];
    if (index === Space.APPLICATION && space.nextPacketNumber === this.#skipped.next) {
      context.recovery.skip(index, space.nextPacketNumber++);
      this.#skipped.plan();
    }
    const packetNumber = space.nextPacketNumber;
    const layout = this.layout;
    const numberLength = packetNumberLength(packetNumber, space.largestAcked);
    const destination = context.peerIds.active.bytes;
    layout.headerStart = writer.position;
    layout.numberLength = numberLength;
    if (index === Space.APPLICATION) {
      writeShortHeader(writer, destination, context.applicationKeys.writePhaseBit, 0, packetNumber, numberLength);
    } else {
      const { version, localId, token } = context;
      const type = LONG_TYPES[index];
      layout.lengthOffset = writeLongHeader(
        writer,
        version,
        type,
        destination,
        localId.bytes,
        token,
        packetNumber,
        numberLength,
      );
    }
    layout.payloadStart = writer.position;
    writer.end = datagramEnd - TAG_LENGTH;
    return packetNumber;
  }

  /** @returns the largest packet number acknowledged, -1 when nothing was written */
  writeAck(index: Space, room: number, now: number): number {
    const { acks } = this.#context.spaces[index];
    if (room < MIN_ACK_SIZE) return -1;
    const delay = Math.floor(acks.ackDelayUs(now) / ACK_DELAY_DIVISOR);
    if (writeAck(writer, acks.ranges, delay, room) === 0) return -1;
    const largest = acks.ranges.largest;
    acks.onAckSent(largest, now);
    return largest;
  }
}
