/**
 * Attacks on one role, each staged twice: with the one check that it aims at turned off it has to end in a connection, which shows that the attack is
 * real and that nothing else stands in its way; against the product it has to end in the right alert.
 */
import { TEST_SERVER_NAME, seededRandom } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { alertName, type Alert } from '../../src/alerts.ts';
import { ClientHandshake } from '../../src/client-handshake.ts';
import type { ClientConfig, ClientHandshakeOptions, Credential, ServerConfig } from '../../src/config.ts';
import { TlsError, type TlsErrorCode } from '../../src/errors.ts';
import type { ExtensionType } from '../../src/extensions.ts';
import { EncryptionLevel, type Handshake } from '../../src/handshake.ts';
import { readClientHello, writeClientHello, type ClientHello } from '../../src/messages/client-hello.ts';
import { nodeProvider } from '../../src/node/index.ts';
import type { CryptoProvider } from '../../src/provider.ts';
import { ServerHandshake } from '../../src/server-handshake.ts';
import type { Issued } from './chains.ts';
import {
  CLIENT_EXTENSION,
  SERVER_EXTENSION,
  clientConfig,
  serverConfig,
  type Carriage,
  type Connected,
} from './handshakes.ts';
import { completeOf } from './sessions.ts';
import { switchedSources, type Check, type Misdeed, type SwitchedSources } from './switches.ts';
import { WEAK_PROVIDERS, type WeakProvider } from './weak-providers.ts';

export interface Attack {
  /** What the attacker does. */
  readonly what: string;
  /** The sentence of the standard that forbids it, as a section. */
  readonly rfc: string;
  /** The one check that stops it. */
  readonly off: Check | WeakProvider;
  /** What the attacker's own end does wrong; a check there is one that it does not make. */
  readonly misdeeds?: readonly (Misdeed | Check)[];
  readonly alert: Alert;
  readonly code: TlsErrorCode;
  /** Stages the attack. The victim is the last handshake of the attacked role that was made. */
  run(stage: Stage): Connected;
  /** What the attacker has gained once the check is off, besides the connection. */
  gain?(connected: Connected, victim: Handshake): void;
}

/** Where an attack is staged: handshakes of the victim's kind and of the attacker's. */
export interface Stage {
  /** Of the victim, and of those on its side. */
  readonly provider: CryptoProvider;
  client(config?: Partial<ClientConfig>, options?: Partial<ClientHandshakeOptions>): ClientHandshake;
  server(config?: Partial<ServerConfig>): ServerHandshake;
}

/** Makes and runs a suite that stages every attack of `attacks` against one role. */
export function stageAttacks(victimRole: 'client' | 'server', attacks: readonly Attack[]): void {
  const test = suite(`attacks against a ${victimRole}`);
  /** Stages one attack. @param isOff whether the check is turned off */
  function stage(switched: SwitchedSources, attack: Attack, isOff: boolean): { victim(): Handshake; run(): Connected } {
    const off = isOff ? attack.off : undefined;
    const isProvider = off !== undefined && off in WEAK_PROVIDERS;
    const provider = isProvider ? WEAK_PROVIDERS[off as WeakProvider] : nodeProvider;
    let victim: Handshake | undefined;
    const made = <H extends Handshake>(handshake: H): H => {
      if (handshake.isClient === (victimRole === 'client')) victim = handshake;
      return handshake;
    };
    // Against the product only the attacker's end comes from the switched sources.
    const Client = isOff || victimRole === 'server' ? switched.ClientHandshake : ClientHandshake;
    const Server = isOff || victimRole === 'client' ? switched.ServerHandshake : ServerHandshake;
    const ends: Stage = {
      provider,
      client: (config = {}, options = {}) =>
        made(
          new Client(clientConfig({ provider, random: seededRandom(41), ...config }), {
            serverName: TEST_SERVER_NAME,
            extensions: [CLIENT_EXTENSION],
            ...options,
          }),
        ),
      server: (config = {}) =>
        made(new Server(serverConfig({ provider, ...config }), { extensions: [SERVER_EXTENSION] })),
    };
    return {
      victim: () => victim as Handshake,
      run() {
        switched.throwSwitches([
          ...(attack.misdeeds ?? []),
          ...(off === undefined || isProvider ? [] : [off as Check]),
        ]);
        return attack.run(ends);
      },
    };
  }

  for (const attack of attacks) {
    test(`${attack.what}: gets in without "${attack.off}"`, async () => {
      const { victim, run } = stage(await switchedSources(), attack, true);
      const connected = run();
      assert.ok(victim().isComplete, 'the attack fails for another reason than the check it aims at');
      completeOf(victimRole === 'client' ? connected.clientEvents : connected.serverEvents);
      attack.gain?.(connected, victim());
    });

    test(`${attack.what}: is refused with ${alertName(attack.alert)} (${attack.rfc})`, async () => {
      const { victim, run } = stage(await switchedSources(), attack, false);
      let thrown: unknown;
      try {
        run();
      } catch (error) {
        thrown = error;
      }
      assert.instance(thrown, TlsError, `not refused: ${String(thrown)}`);
      const error = thrown as TlsError;
      assert.is(alertName(error.alert), alertName(attack.alert), error.message);
      assert.is(error.code, attack.code, error.message);
      assert.is(error.fault, 'peer');
      // The victim it is that refuses, and it stays dead.
      assert.not(victim().isComplete);
      assert.is(victim().nextEvent(), undefined);
      for (const level of Object.values(EncryptionLevel))
        assert.throws(
          () => victim().handleMessages(level, Uint8Array.of(0), 0),
          (again: unknown) => again === error,
        );
    });
  }

  test.run();
}

export function credentialFor(issued: Issued, ...others: readonly Issued[]): Credential {
  return {
    chain: [issued, ...others].map(({ der }) => der),
    key: nodeProvider.importSigningKey(issued.key.pkcs8, seededRandom(3)),
  };
}

/** What someone in the middle makes of ClientHellos on their way. */
export function changingHellos(
  change: (extensions: Map<ExtensionType, Uint8Array>, hello: ClientHello) => Partial<ClientHello> | void,
): Carriage {
  return {
    onClientSends(level, data) {
      if (level !== EncryptionLevel.INITIAL) return data;
      const hello = readClientHello(data.subarray(4));
      const extensions = new Map(hello.extensions) as Map<ExtensionType, Uint8Array>;
      return writeClientHello({ ...hello, extensions, ...change(extensions, hello) });
    },
  };
}
