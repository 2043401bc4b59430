/** Project Wycheproof's AEAD cases through the packet interface: with packet number 0 the iv is the nonce, and the header the additional data. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AeadAlgorithm } from '@mquictt/tls13';
import { nodeProtector } from '../../src/node/protector.ts';
import { createWasmProtector } from '../../src/node/wasm-protector.ts';
import { portableProtector } from '../../src/protection/portable.ts';
import { PacketBatch, TAG_LENGTH } from '../../src/protection/protector.ts';
import type { PacketProtector } from '../../src/protection/protector.ts';
import { fromHex, readVectors, toHex } from '../support/vectors.ts';

interface Case {
  readonly tcId: number;
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
  readonly result: 'valid' | 'invalid' | 'acceptable';
}

interface File {
  readonly groups: readonly {
    readonly ivSize: number;
    readonly keySize: number;
    readonly tagSize: number;
    readonly tests: readonly Case[];
  }[];
}

const PROTECTORS: readonly PacketProtector[] = [portableProtector, nodeProtector, createWasmProtector()!];
const FILES: readonly (readonly [string, (keySize: number) => AeadAlgorithm | undefined])[] = [
  ['aes_gcm_test', (bits) => (bits === 128 ? 'aes-128-gcm' : bits === 256 ? 'aes-256-gcm' : undefined)],
  ['chacha20_poly1305_test', (bits) => (bits === 256 ? 'chacha20-poly1305' : undefined)],
];

const test = suite('Wycheproof AEAD');

function run(protector: PacketProtector, algorithm: AeadAlgorithm, vector: Case): void {
  const where = `${protector.name} ${algorithm} tcId ${vector.tcId}`;
  const aad = fromHex(vector.aad);
  const payloadStart = aad.length;
  const payloadEnd = payloadStart + vector.msg.length / 2;
  const key = protector.packetKey(algorithm, fromHex(vector.key), fromHex(vector.iv));

  const sealed = fromHex(vector.aad + vector.msg + '00'.repeat(TAG_LENGTH));
  const sealBatch = new PacketBatch(1);
  sealBatch.add(0, payloadStart, payloadEnd, 0);
  key.seal(sealed, sealBatch);
  if (vector.result === 'valid') assert.is(toHex(sealed.subarray(payloadStart)), vector.ct + vector.tag, where);

  const opened = fromHex(vector.aad + vector.ct + vector.tag);
  const openBatch = new PacketBatch(1);
  openBatch.add(0, payloadStart, opened.length, 0);
  key.open(opened, openBatch);
  assert.is(openBatch.ok[0] === 1, vector.result === 'valid', where);
  if (vector.result === 'valid') assert.is(toHex(opened.subarray(payloadStart, payloadEnd)), vector.msg, where);
}

for (const protector of PROTECTORS) {
  for (const [file, algorithmOf] of FILES) {
    test(`${protector.name}: ${file}`, () => {
      const counts = { valid: 0, invalid: 0 };
      for (const group of readVectors<File>(`wycheproof/${file}.json`).groups) {
        const algorithm = algorithmOf(group.keySize);
        if (algorithm === undefined || group.ivSize !== 96 || group.tagSize !== 128) continue;
        for (const vector of group.tests) {
          if (vector.result === 'acceptable') continue;
          run(protector, algorithm, vector);
          counts[vector.result]++;
        }
      }
      assert.ok(counts.valid >= 30 && counts.invalid >= 20, JSON.stringify(counts));
    });
  }
}

test.run();
