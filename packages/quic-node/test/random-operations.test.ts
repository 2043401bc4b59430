/**
 * Both sides do what comes to their minds on many streams at once, over bad paths, in virtual time: every byte that is read is the one that was
 * written there, every promise settles, and nothing remains.
 */
import { LINKS, seededRandom, settleFor, type LinkPreset, type SeededRandom } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { QuicError, type QuicConnection, type QuicStream } from '../src/index.ts';
import { openVirtualPair } from './support/virtual.ts';

const test = suite('random operations');

/** The byte at an offset of what one side writes on a stream. */
function byteAt(stream: QuicStream, isSenderClient: boolean, offset: number): number {
  return (offset * 31 + stream.id * 7 + (isSenderClient ? 3 : 5) + (offset >>> 8)) & 0xff;
}

const EXPECTED = new Set(['ERR_QUIC_STREAM_RESET', 'ERR_QUIC_STREAM_STOPPED', 'ERR_QUIC_INVALID_STATE']);

/** Only what the other side may do to us is fine. */
function expected(error: unknown): void {
  if (!(error instanceof QuicError) || !EXPECTED.has(error.code)) throw error;
}

async function writeSome(stream: QuicStream, random: SeededRandom): Promise<void> {
  let offset = 0;
  const chunks = random.integer(8);
  for (let i = 0; i < chunks; i++) {
    const chunk = new Uint8Array(random.integer(random.chance(0.2) ? 60_000 : 3_000));
    for (let j = 0; j < chunk.length; j++) chunk[j] = byteAt(stream, stream.connection.isClient, offset + j);
    offset += chunk.length;
    if (random.chance(0.5)) await stream.write(chunk);
    else void stream.write(chunk);
    if (random.chance(0.05)) stream.setPriority(random.integer(8));
    if (random.chance(0.05)) return stream.reset(random.integer(100));
  }
  await stream.end();
}

async function readSome(stream: QuicStream, random: SeededRandom): Promise<void> {
  let offset = 0;
  const stopsAt = random.chance(0.1) ? random.integer(20_000) : Infinity;
  for (let chunk = await stream.read(); chunk !== undefined; chunk = await stream.read()) {
    for (const byte of chunk) assert.is(byte, byteAt(stream, !stream.connection.isClient, offset++));
    if (offset >= stopsAt) return stream.stop(random.integer(100));
  }
}

async function use(stream: QuicStream, random: SeededRandom): Promise<void> {
  const work: Promise<void>[] = [];
  if (stream.isWritable) work.push(writeSome(stream, random.fork()).catch(expected));
  if (stream.isReadable) work.push(readSome(stream, random.fork()).catch(expected));
  await Promise.all(work);
}

async function run(connection: QuicConnection, random: SeededRandom, streams: number): Promise<void> {
  const work: Promise<void>[] = [];
  connection.onStream = (stream) => void work.push(use(stream, random.fork()));
  for (let i = 0; i < streams; i++) {
    const bidirectional = random.chance(0.5);
    work.push(
      connection.openStream({ bidirectional, urgency: random.integer(8) }).then((stream) => use(stream, random.fork())),
    );
    if (random.chance(0.1)) connection.ping();
    if (random.chance(0.1)) connection.updateKeys();
  }
  // Work may bring more: what the peer opens in the meantime.
  for (let count = -1; count < work.length;) {
    count = work.length;
    await Promise.all(work);
  }
}

const PRESETS: readonly LinkPreset[] = [
  'clean',
  'loss2',
  'loss30',
  'reordering',
  'duplicate10',
  'corrupt30',
  'bottleneck',
];
const FIRST_SEED = Number(process.env['SEED'] ?? 1);

for (const preset of PRESETS) {
  test(preset, async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + 3; seed++) {
      const random = seededRandom(seed);
      const transport = {
        maxBidirectionalStreams: 8,
        maxUnidirectionalStreams: 4,
        streamReceiveWindow: 20_000,
        streamSendBuffer: 30_000,
      };
      const { client, server, simulation, settle, listener } = await openVirtualPair({
        seed,
        link: LINKS[preset],
        listen: { transport },
        connect: { transport },
      });
      const name = `${preset}, SEED=${seed}`;
      await settle(Promise.all([run(client, random.fork(), 25), run(server, random.fork(), 25)]));
      // Streams are done when the last acknowledgement has come.
      await settleFor(simulation, 5_000);
      for (const connection of [client, server]) {
        assert.is(connection.streamCount, 0, name);
        assert.is(connection.stats().openStreams, 0, name);
        assert.is(connection.closeError, undefined, name);
      }
      await settle(client.close());
      await settle(server.closed);
      await settle(listener.close());
      assert.is(listener.internalErrors, 0, String(listener.stats().lastInternalError));
    }
  });
}

test.run();
