import { X509Certificate, createPublicKey, sign } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TEST_UNIX_TIME, der, extensions } from '@mquictt/testkit';
import { TlsError, parseCertificate } from '../../src/index.ts';
import type { VerifiedChain } from '../../src/index.ts';
import { equalBytes, readDerChildren, readDerElement } from '../../src/der.ts';
import { authority, leaf, verify } from '../support/chains.ts';
import type { Issued } from '../support/chains.ts';

/**
 * A good chain with something changed: bytes, elements of the DER, certificates. What is accepted says what was signed; nothing else than a TlsError comes
 * out, and soon.
 */
const test = suite('mutated chains');
const SEED = Number(process.env['SEED'] ?? 20_26);

const root = authority('root');
const intermediate = authority('intermediate', root, {
  replace: [extensions.nameConstraints(['example.org'], ['secret.example.org'])],
});
const good = leaf(intermediate, ['example.org', '*.www.example.org']);
const stranger = authority('intermediate', undefined, { serial: 2 });
const originals = [good, intermediate, stranger];

/** @returns undefined where the chain is refused */
function outcome(chain: readonly Uint8Array[]): VerifiedChain | undefined {
  const start = performance.now();
  try {
    return verify(
      chain.map((bytes) => ({ ...good, der: bytes })),
      [root],
    );
  } catch (error) {
    assert.instance(error, TlsError, String(error));
    const { fault, report, message } = error as TlsError;
    assert.is(fault, 'peer', message);
    if (chain.length > 0) assert.is(report?.reason, message);
    return undefined;
  } finally {
    assert.ok(performance.now() - start < 500, `${performance.now() - start} ms`);
  }
}

type Change =
  | { readonly kind: 'flip' | 'set' | 'cut' | 'double'; readonly at: number; readonly value: number }
  | { readonly kind: 'drop' | 'repeat' | 'swap' | 'retag' | 'empty'; readonly at: number; readonly value: number };

const changes: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('flip', 'set', 'cut', 'double', 'drop', 'repeat', 'swap', 'retag', 'empty'),
  at: fc.nat(),
  value: fc.nat(),
}) as fc.Arbitrary<Change>;

function apply(bytes: Uint8Array, { kind, at, value }: Change): Uint8Array {
  if (bytes.length === 0) return bytes;
  const position = at % bytes.length;
  const out = bytes.slice();
  const before = bytes.subarray(0, position);
  switch (kind) {
    case 'flip':
      out[position] = (out[position] ?? 0) ^ (1 << (value % 8));
      return out;
    case 'set':
      out[position] = value % 256;
      return out;
    case 'cut':
      return der.concat([before, bytes.subarray(position + 1 + (value % 8))]);
    case 'double':
      return der.concat([bytes.subarray(0, position + 1 + (value % 8)), bytes.subarray(position)]);
    default:
      return changeElement(bytes, kind, at, value);
  }
}

interface Node {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly children: Node[] | undefined;
}

/** The tree of a DER value; what does not parse is a leaf of it. OCTET STRINGs are looked into, since extensions hide there. */
function parseTree(bytes: Uint8Array, start: number, end: number): Node[] {
  const nodes: Node[] = [];
  for (let position = start; position < end;) {
    const element = readDerElement(bytes, position, end);
    const content = bytes.slice(element.contentStart, element.end);
    let children: Node[] | undefined;
    if ((element.tag & 0x20) !== 0 || element.tag === 0x04)
      try {
        children = parseTree(bytes, element.contentStart, element.end);
      } catch {
        children = undefined;
      }
    nodes.push({ tag: element.tag, content, children });
    position = element.end;
  }
  return nodes;
}

function writeTree(nodes: readonly Node[]): Uint8Array {
  return der.concat(
    nodes.map(({ tag, content, children }) => der.der(tag, children === undefined ? content : writeTree(children))),
  );
}

/** Changes one element and writes all lengths anew, so that what is odd is the content and not the frame. */
function changeElement(bytes: Uint8Array, kind: string, at: number, value: number): Uint8Array {
  let tree: Node[];
  try {
    tree = parseTree(bytes, 0, bytes.length);
  } catch {
    return bytes;
  }
  const lists: Node[][] = [];
  const collect = (nodes: Node[]): void => {
    if (nodes.length > 0) lists.push(nodes);
    for (const { children } of nodes) if (children !== undefined) collect(children);
  };
  collect(tree);
  const list = lists[at % lists.length] as Node[];
  const index = value % list.length;
  const node = list[index] as Node;
  const other = (value >> 8) % list.length;
  if (kind === 'drop') list.splice(index, 1);
  else if (kind === 'repeat') list.splice(index, 0, node);
  else if (kind === 'swap') [list[index], list[other]] = [list[other] as Node, node];
  else if (kind === 'retag') list[index] = { ...node, tag: (node.tag & 0xe0) | ((value >> 4) % 31) };
  else list[index] = { ...node, content: new Uint8Array(0), children: undefined };
  return writeTree(tree);
}

test('what is accepted was signed as it is read', () => {
  let accepted = 0;
  fc.assert(
    fc.property(
      fc.array(fc.nat(originals.length - 1), { minLength: 0, maxLength: 4 }),
      fc.array(fc.tuple(fc.nat(3), changes), { maxLength: 3 }),
      (order, edits) => {
        const chain = [0, ...order].map((index) => (originals[index] as Issued).der);
        for (const [index, change] of edits) {
          const target = index % chain.length;
          chain[target] = apply(chain[target] as Uint8Array, change);
        }
        const verified = outcome(chain);
        if (verified === undefined) return;
        accepted++;
        assert.equal(
          verified.path.map(({ subjectText }) => subjectText),
          ['CN=leaf', 'CN=intermediate', 'CN=root'],
        );
        for (const [index, { der: bytes }] of [good, intermediate, root].entries())
          assert.ok(equalBytes((verified.path[index] as { der: Uint8Array }).der, bytes));
      },
    ),
    { seed: SEED, numRuns: 2000 },
  );
  // Those whose changes hit certificates that belong to no path.
  assert.ok(accepted > 20, `${accepted} accepted`);
});

test('leaves that their authority signed with all their faults: where we accept, so does OpenSSL', () => {
  const parts = (bytes: Uint8Array): Uint8Array[] => {
    const outer = readDerElement(bytes, 0, bytes.length);
    return readDerChildren(bytes, outer).map((element) => bytes.slice(element.start, element.end));
  };
  const [tbs, algorithm] = parts(good.der) as [Uint8Array, Uint8Array];
  const original = parseCertificate(good.der);
  const issuerKey = createPublicKey(intermediate.key.privateKey);
  let accepted = 0;
  fc.assert(
    fc.property(fc.array(changes, { minLength: 1, maxLength: 2 }), (edits) => {
      const changed = edits.reduce<Uint8Array>((bytes, change) => apply(bytes, change), tbs);
      const signature = new Uint8Array(sign('sha256', changed, intermediate.key.privateKey));
      const certificate = der.derSequence(changed, algorithm, der.derBitString(signature));
      const verified = outcome([certificate, intermediate.der]);
      if (verified === undefined) return;
      accepted++;
      const theirs = readByOpenSsl(certificate);
      if (theirs === undefined) {
        // OpenSSL reads no subject whose text is not of its type. It decides nothing here: names of hosts stand elsewhere.
        assert.is.not(verified.leaf.subject, original.subject);
        return;
      }
      assert.ok(theirs.verify(issuerKey));
      assert.ok(theirs.checkHost('example.org', { subject: 'never' }), theirs.subjectAltName);
      assert.not.match(theirs.subjectAltName ?? '', /secret/);
      assert.ok(Date.parse(theirs.validFrom) <= TEST_UNIX_TIME && TEST_UNIX_TIME <= Date.parse(theirs.validTo));
      assert.is(theirs.issuer.toLowerCase(), 'cn=intermediate');
      assert.equal(keyOf(theirs) ?? verified.leaf.publicKeyInfo, verified.leaf.publicKeyInfo);
      const { extendedKeyUsage } = verified.leaf.extensions;
      assert.equal(theirs.keyUsage ?? [], extendedKeyUsage ?? []);
      assert.is(theirs.ca, verified.leaf.extensions.isCa);
    }),
    { seed: SEED, numRuns: 1500 },
  );
  assert.ok(accepted > 20, `${accepted} accepted`);
});

function readByOpenSsl(certificate: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(certificate);
  } catch {
    return undefined;
  }
}

/** @returns undefined for a point that is not on its curve, which no signature will be good for */
function keyOf(certificate: X509Certificate): Uint8Array | undefined {
  try {
    return new Uint8Array(certificate.publicKey.export({ format: 'der', type: 'spki' }));
  } catch {
    return undefined;
  }
}

test('authorities that the root signed with all their faults never lose a constraint', () => {
  const outer = readDerElement(intermediate.der, 0, intermediate.der.length);
  const [tbs, algorithm] = readDerChildren(intermediate.der, outer).map((element) =>
    intermediate.der.slice(element.start, element.end),
  ) as [Uint8Array, Uint8Array];
  const secret = leaf(intermediate, ['example.org', 'secret.example.org']);
  assert.is(outcome([secret.der, intermediate.der]), undefined);
  let accepted = 0;
  fc.assert(
    fc.property(changes, (change) => {
      const changed = apply(tbs, change);
      const signature = new Uint8Array(sign('sha256', changed, root.key.privateKey));
      const certificate = der.derSequence(changed, algorithm, der.derBitString(signature));
      const verified = outcome([secret.der, certificate]);
      if (verified === undefined) return;
      accepted++;
      // Accepted only where the authority, as OpenSSL reads it, has no such constraint any more.
      const hex = Buffer.from(verified.path[1]?.der ?? []).toString('hex');
      const excluded = Buffer.from('secret.example.org').toString('hex');
      const isConstraint = hex.includes('0603551d1e') && hex.includes(`a11630148212${excluded}`);
      assert.not.ok(isConstraint, hex);
      assert.ok(new X509Certificate(certificate).ca);
    }),
    { seed: SEED, numRuns: 1500 },
  );
  assert.ok(accepted > 0, `${accepted} accepted`);
});

test.run();
