/** CONNECTION_CLOSE packets (RFC 9000 §10.2): written anew each time they are needed, outside loss recovery. */
import { cutUtf8, utf8 } from './bytes.ts';
import type { ConnectionContext } from './connection-context.ts';
import type { DatagramBatch } from './datagram-batch.ts';
import { TransportErrorCode } from './errors.ts';
import { connectionCloseSize, writeConnectionClose } from './frames/close.ts';
import { writePadding } from './frames/simple.ts';
import { MAX_REASON_LENGTH, MIN_DATAGRAM_SIZE, MIN_PACKET_ROOM } from './limits.ts';
import { sealPacket, sealRun } from './packet-sealer.ts';
import { type PacketWriter, writer } from './packet-writer.ts';
import { TAG_LENGTH } from './protection/protector.ts';
import { Space, SPACES } from './recovery/spaces.ts';

/** Appends one datagram with CONNECTION_CLOSE in every space whose keys live (RFC 9000 §10.2.3). @returns datagrams written */
export function buildClose(
  context: ConnectionContext,
  packets: PacketWriter,
  batch: DatagramBatch,
  now: number,
): number {
  const { life, path } = context;
  const { buffer } = batch;
  const start = batch.writeOffset;
  const end = start + Math.min(MIN_DATAGRAM_SIZE, path.sendBudget);
  if (batch.count === batch.capacity || end > buffer.length || context.isAmplificationBlocked) return 0;
  life.isClosePending = false;
  writer.reset(buffer, start, end);
  const spaces = SPACES.filter((index) => packets.hasKeys(index));
  for (const index of spaces) {
    const isLong = index !== Space.APPLICATION;
    // RFC 9000 §10.2.3: an application's code and words are not for packets that anyone can read.
    const isHidden = isLong && life.isApplicationClose;
    const isApplication = life.isApplicationClose && !isLong;
    const errorCode = isHidden ? TransportErrorCode.APPLICATION_ERROR : life.errorCode;
    // Nor are words about a certificate, which only the peer has been shown: it reads them in the Handshake packet.
    const isSaidBelow = index === Space.INITIAL && spaces.length > 1;
    const reason = isHidden || isSaidBelow ? new Uint8Array(0) : cutUtf8(utf8(life.reason), MAX_REASON_LENGTH);
    const size = connectionCloseSize(isApplication, errorCode, life.frameType, reason.length);
    const packetStart = writer.position;
    if (end - packetStart < MIN_PACKET_ROOM + reason.length) break;
    const packetNumber = packets.begin(index, end);
    if (size > writer.remaining) {
      writer.position = packetStart;
      break;
    }
    // What arrived is acknowledged for the last time: else the peer, who hears no more of us, could not tell that it had.
    packets.writeAck(index, writer.remaining - size, now);
    writeConnectionClose(writer, isApplication, errorCode, life.frameType, reason);
    // RFC 9000 §14.1: also a datagram that closes is padded where it has an Initial.
    if (spaces[0] === Space.INITIAL && index === spaces.at(-1)) writePadding(writer, writer.remaining);
    const payloadEnd = writer.position;
    context.spaces[index].nextPacketNumber++;
    context.packetsSent++;
    sealPacket(context, index, buffer, packets.layout, payloadEnd, packetNumber);
    writer.end = end;
    writer.position = payloadEnd + TAG_LENGTH;
  }
  sealRun(context, buffer);
  if (writer.position === start) return 0;
  context.commitDatagram(batch, path, start, writer.position);
  return 1;
}
