import { createHmac } from 'node:crypto';
import { SignJWT, UnsecuredJWT, exportJWK, exportPKCS8, exportSPKI, generateKeyPair } from 'jose';
import type { JWTPayload } from 'jose';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TokenVerifier } from '../../src/access/token-verifier.ts';
import type { TokenOptions } from '../../src/access/token-verifier.ts';
import type { AuthenticationResult, Identity } from '../../src/core/permissions.ts';
import { ReasonCode } from '../../src/reason-codes.ts';
import { utf8 } from '../support/hex.ts';
import { rejection } from '../support/loopback.ts';

const test = suite('tokens');

/** 2026-01-01. */
const NOW = 1_767_225_600_000;
const SECOND = NOW / 1000;
const keys = generateKeyPair('ES256', { extractable: true });
const others = generateKeyPair('ES256', { extractable: true });

async function token(claims: JWTPayload = {}, from = keys, header: Record<string, unknown> = {}): Promise<Uint8Array> {
  const signed = new SignJWT({ sub: 'ann', exp: SECOND + 60, ...claims }).setProtectedHeader({
    alg: 'ES256',
    ...header,
  });
  return utf8(await signed.sign((await from).privateKey));
}

async function verifier(options: Partial<TokenOptions> = {}): Promise<TokenVerifier> {
  const key = await exportSPKI((await keys).publicKey);
  return TokenVerifier.create({ key, algorithms: ['ES256'], ...options });
}

async function verify(
  bytes: Uint8Array,
  options: Partial<TokenOptions> = {},
  now = NOW,
): Promise<AuthenticationResult> {
  return (await verifier(options)).verify(bytes, now);
}

const BAD = ReasonCode.BAD_USER_NAME_OR_PASSWORD;

test('a token says who it is and for how long', async () => {
  const identity = (await verify(await token())) as Identity;
  assert.is(identity.name, 'ann');
  assert.is(identity.validFor, 90_000, '60 s and the tolerance');
  assert.is(identity.permissions, undefined);
  assert.is(((await verify(await token({ name: 'bob' }), { nameClaim: 'name' })) as Identity).name, 'bob');
});

test('exp and nbf count, with the tolerance for clocks, and a token without exp is none', async () => {
  assert.is(await verify(await token({ exp: SECOND - 31 })), BAD);
  assert.type(await verify(await token({ exp: SECOND - 29 })), 'object');
  assert.is(await verify(await token({ nbf: SECOND + 31 })), BAD);
  assert.type(await verify(await token({ nbf: SECOND + 29 })), 'object');
  assert.is(await verify(await token({ exp: SECOND - 1 }), { clockTolerance: 0 }), BAD);
  assert.is(await verify(await token({ exp: undefined } as unknown as JWTPayload)), BAD);
});

test('issuer and audience count where they are asked for', async () => {
  const asked = { issuer: 'https://id', audience: ['mqtt', 'other'] };
  assert.is(await verify(await token(), asked), BAD);
  assert.is(await verify(await token({ iss: 'https://id', aud: 'http' }), asked), BAD);
  assert.is(await verify(await token({ iss: 'https://evil', aud: 'mqtt' }), asked), BAD);
  assert.type(await verify(await token({ iss: 'https://id', aud: ['x', 'mqtt'] }), asked), 'object');
});

test('signatures of others, changed tokens, and tokens that choose their own algorithm', async () => {
  assert.is(await verify(await token({}, others)), BAD);
  const good = Buffer.from(await token()).toString();
  const [header, payload, signature] = good.split('.') as [string, string, string];
  const changed = Buffer.from(JSON.stringify({ sub: 'root', exp: SECOND + 60 })).toString('base64url');
  assert.is(await verify(utf8(`${header}.${changed}.${signature}`)), BAD);
  const none = new UnsecuredJWT({ sub: 'root', exp: SECOND + 60 }).encode();
  assert.is(await verify(utf8(none)), BAD);
  assert.is(await verify(utf8(`${none}${signature}`)), BAD);
  // The public key, which everybody knows, as if it were a secret.
  const spki = await exportSPKI((await keys).publicKey);
  const start = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${payload}`;
  assert.is(await verify(utf8(`${start}.${createHmac('sha256', spki).update(start).digest('base64url')}`)), BAD);
  assert.is(await verify(await token({}, keys, { crit: ['x'], x: 1 }).catch(() => utf8('a.b.c'))), BAD);
});

test('what is no token', async () => {
  for (const text of ['', 'x', '..', 'a.b.c', `${'a'.repeat(20_000)}.b.c`, '\u0000.\u0000.\u0000'])
    assert.is(await verify(utf8(text)), BAD);
  assert.ok(TokenVerifier.isToken(await token()));
  for (const text of ['', 'secret', 'a.b', 'a.b.c.d', 'a.b.c ', `${'a'.repeat(20_000)}.b.c`])
    assert.not(TokenVerifier.isToken(utf8(text)));
});

test('names that cannot be names get 0x87', async () => {
  for (const sub of [undefined, '', 5, ['a'], 'a\u0000b', 'n'.repeat(1_025)])
    assert.is(await verify(await token({ sub } as JWTPayload)), ReasonCode.NOT_AUTHORIZED, String(sub));
});

test('rules in a claim; without the claim nothing is allowed, and rules that cannot be used let nobody in', async () => {
  const options = { rulesClaim: 'mqtt' };
  const may = async (claims: JWTPayload, topic: string): Promise<boolean> => {
    const { permissions } = (await verify(await token(claims), options)) as Identity;
    return permissions!({ identity: 'ann', clientId: 'c' }).mayPublish(topic, false);
  };
  const claims = { mqtt: [{ allow: 'publish', topic: 'u/%u/#' }] };
  assert.ok(await may(claims, 'u/ann/x'));
  assert.not(await may(claims, 'u/bob/x'));
  assert.not(await may({}, 'u/ann/x'));
  for (const mqtt of [
    'all',
    {},
    [{ allow: 'publish' }],
    [{ allow: 'all', topic: Array.from({ length: 257 }, () => 'a') }],
    1,
  ])
    assert.is(
      await verify(await token({ mqtt }), options),
      ReasonCode.NOT_AUTHORIZED,
      JSON.stringify(mqtt).slice(0, 50),
    );
});

test('keys as a JWK, as a set, and a secret', async () => {
  const jwk = { ...(await exportJWK((await keys).publicKey)), alg: 'ES256', kid: 'one' };
  const other = { ...(await exportJWK((await others).publicKey)), alg: 'ES256', kid: 'two' };
  assert.type(await verify(await token(), { key: JSON.stringify(jwk) }), 'object');
  const set = JSON.stringify({ keys: [other, jwk] });
  assert.type(await verify(await token({}, keys, { kid: 'one' }), { key: set }), 'object');
  assert.type(await verify(await token({}, others, { kid: 'two' }), { key: set }), 'object');
  assert.is(await verify(await token({}, keys, { kid: 'two' }), { key: set }), BAD);
  assert.is(await verify(await token({}, keys, { kid: 'three' }), { key: set }), BAD);
  const secret = new Uint8Array(32).fill(7);
  const signed = await new SignJWT({ sub: 'ann', exp: SECOND + 60 }).setProtectedHeader({ alg: 'HS256' }).sign(secret);
  assert.type(await verify(utf8(signed), { key: secret, algorithms: ['HS256'] }), 'object');
  assert.is(await verify(utf8(signed), { key: new Uint8Array(32), algorithms: ['HS256'] }), BAD);
  assert.is(await verify(utf8(signed), { key: secret, algorithms: ['HS512'] }), BAD);
});

test('options that would be dangerous or cannot work are refused', async () => {
  const pem = await exportSPKI((await keys).publicKey);
  const jwk = await exportJWK((await keys).privateKey);
  const secret = new Uint8Array(32);
  const cases: readonly [Partial<TokenOptions>, RegExp][] = [
    [{ algorithms: [] }, /list of algorithms/],
    [{ algorithms: ['none'] }, /"none" is none of/],
    [{ algorithms: ['HS256'] }, /go with a secret/],
    [{ key: secret, algorithms: ['ES256', 'HS256'] }, /not both together/],
    [{ key: secret }, /others need a public key/],
    [{ key: new Uint8Array(31), algorithms: ['HS256'] }, /31 bytes, fewer than 32/],
    [{ key: await exportPKCS8((await keys).privateKey) }, /private key/],
    [{ key: JSON.stringify(jwk) }, /secret or a private key/],
    [{ key: JSON.stringify({ keys: [{ kty: 'oct', k: 'AAAA' }] }) }, /secret or a private key/],
    [{ key: '{"keys":[]}' }, /empty/],
    [{ key: '{' }, /cannot be used/],
    [{ key: 'hello' }, /cannot be used/],
    [{ key: pem, algorithms: ['ES256', 'ES384'] }, /one algorithm/],
    [{ key: pem, algorithms: ['RS256'] }, /cannot be used/],
    [{ clockTolerance: Infinity }, /0\.\.3600/],
  ];
  for (const [options, message] of cases) {
    const error = await rejection(verifier(options));
    assert.is(error.code, 'ERR_MQTT_ACCESS', error.message);
    assert.match(error.message, message);
  }
});

test.run();
