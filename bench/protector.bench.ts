/** µs to seal or open one packet of 1,200 bytes, in this process: WebAssembly against node:crypto and plain JavaScript. */
import { performance } from 'node:perf_hooks';
import { PacketBatch, portableProtector, type PacketKey, type PacketProtector } from '@mquictt/quic-core';
import { createWasmProtector, nodeProtector } from '@mquictt/quic-core/node';
import type { AeadAlgorithm } from '@mquictt/tls13';
import type { Benchmark, Contender, Sample } from './lib/benchmark.ts';

/** Bytes of a whole packet: header, payload and tag. */
const PACKET = 1200;
/** A short header with a connection ID of 8 bytes. */
const HEADER = 11;
/** What every AEAD of TLS 1.3 adds, bytes. */
const TAG_LENGTH = 16;
/** Packets in a batch, as the connection makes them. */
const BATCH = 16;
/** A measurement takes this part of the usual time. */
const PART = 1 / 5;

const KEY_LENGTH = { 'aes-128-gcm': 16, 'aes-256-gcm': 32, 'chacha20-poly1305': 32 } as const;

type Direction = 'seal' | 'open';

class ProtectorContender implements Contender {
  readonly name: string;
  readonly #protector: () => PacketProtector;
  readonly #algorithm: AeadAlgorithm;
  readonly #direction: Direction;
  readonly #duration: number;
  #key: PacketKey | undefined = undefined;

  constructor(
    name: string,
    protector: () => PacketProtector,
    algorithm: AeadAlgorithm,
    direction: Direction,
    duration: number,
  ) {
    this.name = name;
    this.#protector = protector;
    this.#algorithm = algorithm;
    this.#direction = direction;
    this.#duration = duration;
  }

  start(): Promise<void> {
    const key = Uint8Array.from({ length: KEY_LENGTH[this.#algorithm] }, (_, i) => i);
    this.#key = this.#protector().packetKey(this.#algorithm, key, new Uint8Array(12));
    return Promise.resolve();
  }

  measure(): Promise<Sample> {
    const key = this.#key;
    if (key === undefined) throw new Error(`${this.name} was not started`);
    const sealed = new Uint8Array(BATCH * PACKET).fill(0x40);
    const batch = new PacketBatch(BATCH);
    fill(batch, 0, TAG_LENGTH);
    key.seal(sealed, batch);
    const opening = new PacketBatch(BATCH);
    fill(opening, 0, 0);

    const buffer = sealed.slice();
    let packets = 0;
    const begin = performance.now();
    let now = begin;
    for (const end = begin + this.#duration; now < end; now = performance.now()) {
      if (this.#direction === 'seal') {
        // A packet number is used once, as in a connection.
        fill(batch, packets, TAG_LENGTH);
        key.seal(buffer, batch);
      } else {
        // Packets are opened in place, so they have to be there again: 0.07 µs each.
        buffer.set(sealed);
        key.open(buffer, opening);
        if (opening.ok.includes(0)) throw new Error('A packet was refused');
      }
      packets += BATCH;
    }
    return Promise.resolve({ value: ((now - begin) * 1000) / packets });
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}

function fill(batch: PacketBatch, firstPacketNumber: number, room: number): void {
  batch.count = 0;
  for (let i = 0; i < BATCH; i++) {
    batch.add(i * PACKET, i * PACKET + HEADER, (i + 1) * PACKET - room, firstPacketNumber + i);
  }
}

function wasm(): PacketProtector {
  const protector = createWasmProtector();
  if (protector === undefined) throw new Error('There is no WebAssembly SIMD');
  return protector;
}

function protector(direction: Direction): Benchmark {
  return {
    name: `protector-${direction}`,
    onRequest: true,
    unit: 'µs',
    better: 'less',
    warmUps: 2,
    rounds: 9,
    contenders({ duration }) {
      const of = (name: string, protector: () => PacketProtector, algorithm: AeadAlgorithm): Contender =>
        new ProtectorContender(name, protector, algorithm, direction, duration * PART);
      return [
        of('WebAssembly, ChaCha20', wasm, 'chacha20-poly1305'),
        of('node:crypto, AES-128', () => nodeProtector, 'aes-128-gcm'),
        of('node:crypto, ChaCha20', () => nodeProtector, 'chacha20-poly1305'),
        of('portable, ChaCha20', () => portableProtector, 'chacha20-poly1305'),
      ];
    },
  };
}

export const benchmarks: readonly Benchmark[] = [protector('seal'), protector('open')];
