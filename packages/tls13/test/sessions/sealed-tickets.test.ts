import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TEST_UNIX_TIME, seededRandom } from '@mquictt/testkit';
import { SealedTickets, nobleProvider } from '../../src/index.ts';
import type { CryptoProvider, SealedTicketsOptions } from '../../src/index.ts';
import { nodeProvider } from '../../src/node/index.ts';
import { latin1Text } from '../../src/ascii.ts';
import { DAY, HOUR, PROVIDERS, serverSession } from '../support/sample-sessions.ts';

const test = suite('sealed tickets');
const SEED = Number(process.env['SEED'] ?? 51);
const NOW = TEST_UNIX_TIME;
const LIFETIME = 7 * DAY;

function sealed(overrides: Partial<SealedTicketsOptions> = {}): SealedTickets {
  return new SealedTickets({ provider: nodeProvider, random: seededRandom(SEED), ...overrides });
}

/** Issues a ticket, which must work. */
function issue(tickets: SealedTickets, seed: number, issuedAt: number, expiresAt = issuedAt + DAY): Uint8Array {
  const ticket = tickets.issue(serverSession(seed, { issuedAt, expiresAt }), issuedAt);
  assert.ok(ticket !== undefined);
  return ticket as Uint8Array;
}

for (const provider of PROVIDERS) {
  test(`a session comes back from its ticket as it was, as often as it is shown (${provider.name})`, () => {
    const tickets = sealed({ provider });
    for (let seed = 1; seed <= 20; seed++) {
      const session = serverSession(
        seed,
        seed % 2 === 0 ? {} : { peerCertificate: undefined, peerIdentity: undefined },
      );
      const ticket = tickets.issue(session, NOW) as Uint8Array;
      assert.equal(tickets.redeem(ticket, NOW + 1), session);
      assert.equal(tickets.redeem(ticket, NOW + 2), session);
    }
  });

  test(`a ticket with any bit changed, cut anywhere or made longer is none (${provider.name})`, () => {
    const tickets = sealed({ provider });
    const session = serverSession(1, { peerCertificate: undefined, peerIdentity: undefined });
    const ticket = tickets.issue(session, NOW) as Uint8Array;
    for (let bit = 0; bit < ticket.length * 8; bit++) {
      const changed = ticket.slice();
      (changed[bit >> 3] as number) ^= 1 << (bit & 7);
      assert.is(tickets.redeem(changed, NOW), undefined, `bit ${bit}`);
    }
    for (let length = 0; length < ticket.length; length++)
      assert.is(tickets.redeem(ticket.subarray(0, length), NOW), undefined, `${length} bytes`);
    assert.is(tickets.redeem(Uint8Array.of(...ticket, 0), NOW), undefined);
    assert.ok(tickets.redeem(ticket, NOW));
  });

  test(`random bytes are no ticket, with the name of a key neither (${provider.name})`, () => {
    const tickets = sealed({ provider });
    const name = issue(tickets, 1, NOW).subarray(0, 8);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6000 }), fc.boolean(), (bytes, isNamed) => {
        const ticket = isNamed ? Uint8Array.of(...name, ...bytes) : bytes;
        assert.is(tickets.redeem(ticket, NOW), undefined);
      }),
      { seed: SEED, numRuns: 200 },
    );
    assert.is(tickets.redeem(new Uint8Array(65_535), NOW), undefined);
  });
}

test('tickets of another server, of another key name and of another form do not open', () => {
  const key = seededRandom(7).bytes(32);
  const ours = sealed({ keys: [key] });
  const ticket = issue(ours, 1, NOW);
  assert.ok(ours.redeem(ticket, NOW));
  const theirs = sealed({ random: seededRandom(8) });
  assert.is(theirs.redeem(ticket, NOW), undefined);
  // What is sealed with the right key, but without this form's additional data.
  const aeads: { seal(nonce: Uint8Array, data: Uint8Array, plaintext: Uint8Array): Uint8Array }[] = [];
  const spying: CryptoProvider = {
    ...nodeProvider,
    aead: (algorithm, secret) => {
      const aead = nodeProvider.aead(algorithm, secret);
      aeads.push(aead);
      return aead;
    },
  };
  const watched = sealed({ provider: spying, keys: [key] });
  assert.ok(watched.redeem(ticket, NOW));
  const nonce = ticket.subarray(8, 20);
  const [aead] = aeads;
  assert.ok(aead);
  const plaintext = nodePlaintext(spying, key, ticket);
  for (const additionalData of [new Uint8Array(0), ticket.subarray(0, 8)]) {
    const other = Uint8Array.of(...ticket.subarray(0, 20), ...(aead?.seal(nonce, additionalData, plaintext) ?? []));
    assert.is(watched.redeem(other, NOW), undefined);
  }
});

/** Opens a ticket by the description of its form, written out again. */
function nodePlaintext(provider: CryptoProvider, key: Uint8Array, ticket: Uint8Array): Uint8Array {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const name = provider.hkdfExpand('sha256', key, text('mquictt ticket name'), 8);
  assert.equal(name, ticket.slice(0, 8));
  const aead = nodeProvider.aead('aes-256-gcm', provider.hkdfExpand('sha256', key, text('mquictt ticket key'), 32));
  const plaintext = aead.open(
    ticket.subarray(8, 20),
    Uint8Array.of(...text('mquictt ticket 1'), ...name),
    ticket.subarray(20),
  );
  assert.ok(plaintext !== undefined, 'the form is another than its description');
  return plaintext as Uint8Array;
}

test('what is too long for a ticket costs no decryption', () => {
  let openedBytes = 0;
  const counting: CryptoProvider = {
    ...nodeProvider,
    aead: (algorithm, secret) => {
      const aead = nodeProvider.aead(algorithm, secret);
      return {
        seal: (nonce, additionalData, plaintext) => aead.seal(nonce, additionalData, plaintext),
        open: (nonce, additionalData, ciphertext) => {
          openedBytes += ciphertext.length;
          return aead.open(nonce, additionalData, ciphertext);
        },
      };
    },
  };
  const tickets = sealed({ provider: counting });
  const ticket = issue(tickets, 1, NOW);
  assert.is(tickets.redeem(Uint8Array.of(...ticket, ...new Uint8Array(5000)), NOW), undefined);
  assert.is(openedBytes, 0);
  assert.ok(tickets.redeem(ticket, NOW));
  assert.is(openedBytes, ticket.length - 20);
});

test('nothing of a session can be read in its ticket, and no two tickets are alike', () => {
  const tickets = sealed();
  const session = serverSession(1);
  const first = tickets.issue(session, NOW) as Uint8Array;
  const second = tickets.issue(session, NOW) as Uint8Array;
  for (const part of [session.secret, session.peerCertificate as Uint8Array, session.earlyDataContext])
    assert.not.ok(latin1Text(first).includes(latin1Text(part.subarray(0, 8))));
  assert.not.equal(first.subarray(8, 20), second.subarray(8, 20));
  assert.not.equal(first.subarray(20), second.subarray(20));
});

test('an expired ticket is none, and neither is one from a clock that was days ahead', () => {
  const tickets = sealed();
  const ticket = issue(tickets, 1, NOW, NOW + HOUR);
  assert.ok(tickets.redeem(ticket, NOW + HOUR - 1));
  assert.is(tickets.redeem(ticket, NOW + HOUR), undefined);
  const ahead = issue(tickets, 2, NOW + 30 * DAY);
  assert.is(tickets.redeem(ahead, NOW), undefined);
});

test('over 40 virtual days every ticket is good for its seven days, with few keys, and none for longer than 15', () => {
  for (const keyHours of [1, 12, 168]) {
    const tickets = sealed({ keyLifetime: keyHours * 3600 });
    const issued: { readonly ticket: Uint8Array; readonly at: number }[] = [];
    const names = new Set<string>();
    for (let at = NOW; at < NOW + 40 * DAY; at += 3 * HOUR) {
      const ticket = issue(tickets, issued.length, at, at + LIFETIME);
      names.add(latin1Text(ticket.subarray(0, 8)));
      issued.push({ ticket, at });
      for (const old of issued.filter((_, index) => index % 7 === issued.length % 7))
        assert.is(
          tickets.redeem(old.ticket, at) !== undefined,
          at < old.at + LIFETIME,
          `${keyHours} h, ${at - old.at} ms`,
        );
      assert.ok(tickets.keyCount <= Math.ceil((7 * 24) / Math.max(keyHours, 3)) + 2, `${tickets.keyCount} keys`);
    }
    assert.is(names.size, Math.ceil((40 * 24) / Math.max(keyHours, 3)), `${keyHours} h`);
  }
});

test('a key issues from its first ticket until its lifetime is over', () => {
  const tickets = sealed({ keyLifetime: 3600 });
  const name = (at: number): string => latin1Text(issue(tickets, 1, at).subarray(0, 8));
  const first = name(NOW);
  assert.is(name(NOW + HOUR - 1), first);
  const second = name(NOW + HOUR);
  assert.not.equal(second, first);
  assert.is(name(NOW + 2 * HOUR - 1), second);
});

test('old keys are forgotten even where no ticket is issued any more', () => {
  const tickets = sealed({ keyLifetime: 3600 });
  issue(tickets, 1, NOW);
  issue(tickets, 1, NOW + HOUR);
  assert.is(tickets.keyCount, 2);
  tickets.redeem(new Uint8Array(100), NOW + HOUR + LIFETIME - 1);
  assert.is(tickets.keyCount, 2);
  tickets.redeem(new Uint8Array(100), NOW + HOUR + LIFETIME);
  assert.is(tickets.keyCount, 1);
});

test('a clock that was years ahead does not keep a key in use, and leaves no keys behind', () => {
  const tickets = sealed();
  const before = issue(tickets, 1, NOW).subarray(0, 8);
  const ahead = issue(tickets, 1, NOW + 3650 * DAY).subarray(0, 8);
  const after = issue(tickets, 1, NOW + HOUR);
  assert.not.equal(after.subarray(0, 8), ahead);
  assert.not.equal(after.subarray(0, 8), before);
  assert.ok(tickets.redeem(after, NOW + 2 * HOUR));
  for (let day = 1; day < 20; day++) issue(tickets, 1, NOW + day * DAY);
  assert.ok(tickets.keyCount <= 9, `${tickets.keyCount} keys`);
});

test('servers that share keys open each other’s tickets, through a change of keys', () => {
  const [first, second] = [seededRandom(11).bytes(32), seededRandom(12).bytes(32)];
  const a = sealed({ keys: [first], provider: nobleProvider });
  const b = sealed({ keys: [first], random: seededRandom(99) });
  const early = issue(a, 1, NOW, NOW + LIFETIME);
  assert.ok(b.redeem(early, NOW));
  // Second everywhere, then first one by one: nothing is lost on the way.
  a.setKeys([first, second]);
  b.setKeys([first, second]);
  a.setKeys([second, first]);
  const late = issue(a, 2, NOW + DAY, NOW + LIFETIME);
  assert.not.equal(late.subarray(0, 8), early.subarray(0, 8));
  for (const tickets of [a, b]) for (const ticket of [early, late]) assert.ok(tickets.redeem(ticket, NOW + DAY));
  a.setKeys([second]);
  assert.is(a.redeem(early, NOW + DAY), undefined);
  assert.ok(a.redeem(late, NOW + DAY));
  // No key of its own appears, however long it runs.
  assert.equal(issue(a, 3, NOW + 100 * DAY).subarray(0, 8), late.subarray(0, 8));
  assert.is(a.keyCount, 1);
});

test('keys that are no good are refused, and the ones before stay', () => {
  const tickets = sealed({ keys: [new Uint8Array(32)] });
  const ticket = issue(tickets, 1, NOW);
  const bad: (readonly Uint8Array[])[] = [
    [],
    [new Uint8Array(31)],
    [new Uint8Array(32), new Uint8Array(0)],
    Array.from({ length: 257 }, () => new Uint8Array(32)),
  ];
  for (const keys of bad) assert.throws(() => tickets.setKeys(keys), RangeError as unknown as RegExp);
  assert.ok(tickets.redeem(ticket, NOW));
  for (const keyLifetime of [0, 3599, 604_801, NaN, -1])
    assert.throws(() => sealed({ keyLifetime }), /"keyLifetime" expected 3600 to 604800 seconds/);
});

test('a key that has sealed as many tickets as it may gives way to another, or to none where keys are shared', () => {
  const tickets = sealed({ maxTicketsPerKey: 100 });
  const counts = new Map<string, number>();
  const all = Array.from({ length: 1000 }, (_, seed) => issue(tickets, seed, NOW));
  for (const ticket of all) {
    const name = latin1Text(ticket.subarray(0, 8));
    counts.set(name, (counts.get(name) ?? 0) + 1);
    assert.ok(tickets.redeem(ticket, NOW));
  }
  assert.equal(
    [...counts.values()],
    Array.from({ length: 10 }, () => 100),
  );

  const [first, second] = [seededRandom(1).bytes(32), seededRandom(2).bytes(32)];
  const shared = sealed({ maxTicketsPerKey: 3, keys: [first] });
  for (let i = 0; i < 3; i++) issue(shared, i, NOW);
  assert.is(shared.issue(serverSession(1), NOW), undefined);
  // The same key again is no new one.
  shared.setKeys([first, second]);
  assert.is(shared.issue(serverSession(1), NOW), undefined);
  shared.setKeys([second, first]);
  issue(shared, 1, NOW);
  for (const maxTicketsPerKey of [0, 2 ** 28 + 1, NaN])
    assert.throws(() => sealed({ maxTicketsPerKey }), /"maxTicketsPerKey" expected 1 to 268435456/);
});

test('however fast tickets are asked for, the number of keys is bounded', () => {
  const tickets = sealed({ maxTicketsPerKey: 1 });
  const first = issue(tickets, 1, NOW);
  for (let i = 0; i < 300; i++) issue(tickets, i, NOW);
  assert.is(tickets.keyCount, 256);
  assert.is(tickets.redeem(first, NOW), undefined);
});

test('a session that is too large for a ticket gets none', () => {
  const tickets = sealed();
  assert.ok(tickets.issue(serverSession(1, { peerCertificate: new Uint8Array(3000) }), NOW));
  for (const length of [4096, 65_535, 65_536])
    assert.is(tickets.issue(serverSession(1, { peerCertificate: new Uint8Array(length) }), NOW), undefined);
});

test.run();
