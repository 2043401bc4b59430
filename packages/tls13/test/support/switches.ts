/**
 * The package's own sources with switches built in, for tests that attack it: each switch turns one check off, or makes an endpoint break one rule
 * while it keeps all others.
 *
 * The product has no such switches and is not to have any. So the sources are copied to a folder of their own, one place is edited for each
 * switch, and the copy is imported as a second set of modules. Until a switch is thrown the copy behaves as the original does. An edit whose place
 * is gone, or is there twice, is an error: the attack behind it would prove nothing.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { ClientHandshake } from '../../src/client-handshake.ts';
import type { ServerHandshake } from '../../src/server-handshake.ts';

/** One place in the sources: the file, the text there, and what stands there instead. `OFF` in it is true while the switch is thrown. */
type Edit = readonly [file: string, find: string, put: (code: string) => string];

/** Does something at the start of a function, or behind a statement. */
const then =
  (statement: string) =>
  (code: string): string =>
    `${code} if (OFF) ${statement};`;
/** Another value in place of an expression. */
const instead =
  (value: string) =>
  (code: string): string =>
    `(OFF ? (${value}) : (${code}))`;
const leftOut = (code: string): string => `if (!OFF) { ${code} }`;

const PATH_CHECKS = 'certificates/path-checks.ts';
const ANSWER = 'server/answer-client-hello.ts';
const SERVER_FLIGHT = 'server/write-server-flight.ts';
const EXTENSIONS = 'client/wait-encrypted-extensions.ts';
const CLIENT_FLIGHT = 'client/wait-server-finished.ts';
const OWN_CHAIN = 'authentication/own-chain.ts';

/** Checks that can be turned off. Where a check is a primitive, a provider does it instead: see `weakProviders`. */
const CHECKS = {
  // Who the peer is
  'name of the server': [
    [
      'certificates/names.ts',
      'export function matchesServerName(names: GeneralNames | undefined, wanted: ServerName): boolean {',
      then('return true'),
    ],
  ],
  'path to a trusted root': [
    ['certificates/chain.ts', 'find(): ParsedCertificate[] | undefined {', then('return [this.#options.leaf]')],
  ],
  'period of validity': [
    [PATH_CHECKS, 'firstFault(path, (certificate) => checkValidity(certificate, unixTime))', instead('undefined')],
  ],
  'issuers are authorities': [[PATH_CHECKS, '!isCa', instead('false')]],
  'issuers may sign certificates': [
    [PATH_CHECKS, 'keyUsage !== undefined && (keyUsage & KeyUsageFlag.KEY_CERT_SIGN) === 0', instead('false')],
  ],
  'length of the path': [[PATH_CHECKS, 'pathLength === undefined || intermediateCount <= pathLength', instead('true')]],
  'key usage': [[PATH_CHECKS, 'checkLeafUsage(path[0])', instead('undefined')]],
  'purpose of the certificate': [
    [
      PATH_CHECKS,
      'firstFault(path, (certificate, index) => checkExtendedKeyUsage(certificate, purpose, index === 0))',
      instead('undefined'),
    ],
  ],
  'critical extensions': [[PATH_CHECKS, 'firstFault(path, checkCriticalExtensions)', instead('undefined')]],
  'name constraints': [[PATH_CHECKS, 'below > 0 && isSelfIssued(certificate)', instead('true')]],
  // What it has proved
  'Finished is right': [
    ['authentication/proof-of-key.ts', '!equalBytes(readFinished(body, expected.length), expected)', instead('false')],
  ],
  'no PKCS#1 v1.5 in CertificateVerify': [['settings.ts', '!PKCS1_SCHEMES.includes(scheme)', instead('true')]],
  'a server sends certificates': [
    [EXTENSIONS, 'resumed === undefined) return new WaitCertificateOrRequest', (code) => `!OFF && ${code}`],
  ],
  'a server sends CertificateVerify': [
    [
      'client/wait-certificate-verify.ts',
      '[HandshakeType.CERTIFICATE_VERIFY]',
      instead('[HandshakeType.CERTIFICATE_VERIFY, HandshakeType.FINISHED]'),
    ],
    [
      'client/wait-certificate-verify.ts',
      'handle(message: HandshakeMessage): HandshakeState {',
      (code) => `${code} if (OFF && message.type === HandshakeType.FINISHED)
        return new WaitServerFinished(this.#context, this.#keys, this.#parameters).handle(message);`,
    ],
  ],
  'a client sends CertificateVerify': [
    [
      'server/wait-client-certificate-verify.ts',
      '[HandshakeType.CERTIFICATE_VERIFY]',
      instead('[HandshakeType.CERTIFICATE_VERIFY, HandshakeType.FINISHED]'),
    ],
    [
      'server/wait-client-certificate-verify.ts',
      'handle(message: HandshakeMessage): HandshakeState {',
      (code) => `${code} if (OFF && message.type === HandshakeType.FINISHED) {
        this.#context.output.setPeer(this.#claimed.chain.chain, undefined);
        return this.#claimed.next(undefined).handle(message, 0);
      }`,
    ],
  ],
  'a client sends a Certificate': [
    [SERVER_FLIGHT, 'return clientAuthentication === undefined', (code) => code.replace('return', 'return OFF ||')],
  ],
  'a certificate is required': [
    ['server/wait-client-certificate.ts', 'if (isRequired)', () => 'if (isRequired && !OFF)'],
  ],
  // What was negotiated
  'the protocol was offered': [[EXTENSIONS, '!alpnProtocols.includes(name)', instead('false')]],
  'a protocol was chosen': [[EXTENSIONS, '!isQuic', instead('true')]],
  'the suite of the retry stays': [
    ['client/wait-server-hello-after-retry.ts', 'suite !== this.#suite', instead('false')],
  ],
  'the second ClientHello is the first': [
    ['server/wait-second-client-hello.ts', 'checkUnchanged(this.#first, hello);', leftOut],
  ],
  // Sessions
  'the session is of this name': [['client/offered-session.ts', 'session.serverName !== serverName', instead('false')]],
  'the session has not expired': [['client/offered-session.ts', 'unixTime < session.expiresAt', instead('true')]],
  'the identity was offered': [['client/accept-server-hello.ts', 'selected !== 0', instead('false')]],
  'the binder is right': [[ANSWER, 'binder === undefined || !equalBytes(binder, expected)', instead('false')]],
  'the ticket is of this name': [[ANSWER, 'session.serverName !== negotiated.serverName', instead('false')]],
  'the ticket has not expired': [[ANSWER, 'unixTime < session.expiresAt', instead('true')]],
  'the ticket is of somebody': [[ANSWER, 'clientAuthentication?.isRequired !== true', instead('true')]],
  'early data goes with a session': [
    [
      EXTENSIONS,
      'if (data.length > 0) throw',
      (code) => `if (OFF && this.#keys.resumed === undefined) return true; ${code}`,
    ],
  ],
  'early data is of the suite of its session': [[EXTENSIONS, 'resumed.suite !== suite', instead('false')]],
  'early data is of the protocol of its session': [
    [EXTENSIONS, 'resumed.session.alpnProtocol !== alpnProtocol', instead('false')],
  ],
  'no early data after a retry': [
    ['server/wait-second-client-hello.ts', 'hello.extensions.has(ExtensionType.EARLY_DATA)', instead('false')],
  ],
  'early data is fresh': [
    ['server/early-data.ts', 'Math.abs(unixTime - session.issuedAt - age) <= MAX_TICKET_AGE_SKEW', instead('true')],
  ],
} as const satisfies Record<string, readonly Edit[]>;

/** Rules that the attacker's end can break. */
const MISDEEDS = {
  'signs as the other role': [
    [
      OWN_CHAIN,
      'signatureContent(role,',
      () => `signatureContent(OFF ? (role === 'client' ? 'server' : 'client') : role,`,
    ],
  ],
  'signs another transcript': [
    [OWN_CHAIN, ' transcriptHash));', () => ' OFF ? transcriptHash.map((byte) => byte ^ 1) : transcriptHash));'],
  ],
  'signs with a scheme that was not offered': [[OWN_CHAIN, 'offer.signatureSchemes.includes(each)', instead('true')]],
  'server: no Certificate': [[SERVER_FLIGHT, 'own !== undefined) {', (code) => `!OFF && ${code}`]],
  'server: no CertificateVerify': [
    [SERVER_FLIGHT, `send(writeOwnVerify(own, 'server', transcript.digest()));`, leftOut],
  ],
  'server: another protocol': [
    [SERVER_FLIGHT, 'writeAlpn([alpnProtocol])', (code) => `(OFF ? writeAlpn(['other']) : ${code})`],
  ],
  'server: no protocol': [[SERVER_FLIGHT, `alpnProtocol !== ''`, instead('false')]],
  'server: another suite after the retry': [
    [
      'server/wait-second-client-hello.ts',
      'const { suite, group } = this.#negotiated;',
      (code) =>
        `${code.replace('suite, group', 'suite: first, group')}
         const suite = OFF ? this.#context.settings.cipherSuites.find((each) => each.id === 0x1303) : first;`,
    ],
  ],
  'server: another identity': [
    [
      'server/send-server-hello.ts',
      'writeSelectedIdentity(selectedIdentity)',
      (code) => code.replace(')', ' + (OFF ? 1 : 0))'),
    ],
  ],
  'server: accepts all early data': [
    [
      SERVER_FLIGHT,
      'if (isEarlyDataAccepted) extensions',
      () => 'if (isEarlyDataAccepted || (OFF && negotiated.isEarlyDataOffered)) extensions',
    ],
  ],
  'client: early data after the retry': [
    ['client/wait-server-hello.ts', 'isEarlyDataOffered: false', () => 'isEarlyDataOffered: OFF && isEarlyDataOffered'],
  ],
  'client: no Certificate': [[CLIENT_FLIGHT, 'requested !== undefined', instead('false')]],
  'client: no CertificateVerify': [
    [CLIENT_FLIGHT, `if (own !== undefined) send(level, writeOwnVerify(own, 'client', transcript.digest()));`, leftOut],
  ],
  'client: wrong binder': [
    [
      'client/hello.ts',
      'session?.bind(message, binderHash(session.truncate(message), session));',
      then('message[message.length - 1] ^= 1'),
    ],
  ],
  'client: other protocols after the retry': [
    [
      'client/wait-server-hello.ts',
      'const sent = sendClientHello(\n      this.#context,',
      (code) =>
        code.replace(
          'this.#context',
          `OFF ? { ...this.#context, settings: { ...settings, alpnProtocols: ['other', ...settings.alpnProtocols] } } : this.#context`,
        ),
    ],
  ],
} as const satisfies Record<string, readonly Edit[]>;

export type Check = keyof typeof CHECKS;
export type Misdeed = keyof typeof MISDEEDS;

/** The edited sources as modules. */
export interface SwitchedSources {
  readonly ClientHandshake: typeof ClientHandshake;
  readonly ServerHandshake: typeof ServerHandshake;
  /** Throws these switches and no others. */
  throwSwitches(names: readonly (Check | Misdeed)[]): void;
}

const SWITCHES = Symbol.for('@mquictt/tls13 test switches');

let loaded: Promise<SwitchedSources> | undefined;

/** Loaded once; where that fails, every test that asks fails with the reason. */
export function switchedSources(): Promise<SwitchedSources> {
  return (loaded ??= loadSwitchedSources());
}

async function loadSwitchedSources(): Promise<SwitchedSources> {
  const thrown = new Set<string>();
  (globalThis as Record<symbol, unknown>)[SWITCHES] = thrown;
  const packageFolder = fileURLToPath(new URL('../..', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'tls13-switched-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(packageFolder, 'src'), join(folder, 'src'), { recursive: true });
  cpSync(join(packageFolder, 'package.json'), join(folder, 'package.json'));
  mkdirSync(join(folder, 'node_modules'));
  const installed = join(packageFolder, '../../node_modules');
  for (const scope of ['@noble', 'micro-rsa-dsa-dh'])
    symlinkSync(join(installed, scope), join(folder, 'node_modules', scope), 'junction');
  for (const [name, edits] of Object.entries({ ...CHECKS, ...MISDEEDS }))
    for (const [file, find, put] of edits as readonly Edit[]) {
      const path = join(folder, 'src', file);
      const source = readFileSync(path, 'utf8');
      const parts = source.split(find);
      if (parts.length !== 2)
        throw new Error(
          `Switch "${name}": ${file} has ${parts.length - 1} places with ${JSON.stringify(find)}, expected 1`,
        );
      const isThrown = `globalThis[Symbol.for(${JSON.stringify(SWITCHES.description)})].has(${JSON.stringify(name)})`;
      writeFileSync(path, parts.join(put(find).replaceAll('OFF', () => isThrown)));
    }
  const load = (file: string): Promise<unknown> => import(pathToFileURL(join(folder, 'src', file)).href);
  const client = (await load('client-handshake.ts')) as { ClientHandshake: typeof ClientHandshake };
  const server = (await load('server-handshake.ts')) as { ServerHandshake: typeof ServerHandshake };
  return {
    ClientHandshake: client.ClientHandshake,
    ServerHandshake: server.ServerHandshake,
    throwSwitches(names) {
      thrown.clear();
      for (const name of names) thrown.add(name);
    },
  };
}
