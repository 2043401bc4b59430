/** One case's client and server: one is ours, the other the peer's. Everything that it opens, `close` closes. */
import * as assert from 'node:assert/strict';
import { ClientHandshake, RootStore, ServerHandshake, readCertificatesPem } from '@mquictt/tls13';
import type {
  ClientConfig,
  ClientSession,
  CredentialChooser,
  CryptoProvider,
  HandshakeEvent,
  ServerConfig,
} from '@mquictt/tls13';
import { nodeRandom } from '@mquictt/tls13/node';
import { Connection } from './connection.ts';
import { Listener, connectTo, type End } from './end.ts';
import { EXPORTER_LABEL, EXPORTER_LENGTH } from './peer.ts';
import type { Peer, PeerConnection, PeerOptions, PeerReport, PeerServer } from './peer.ts';
import { SERVER_NAME, credentialFrom, type Identity, type Pki } from './pki.ts';

export const ALPN = 'mqtt';

export type Role = 'client' | 'server';

type Ours = Partial<Omit<ClientConfig, 'credential'>> &
  Pick<Partial<ServerConfig>, 'resumption' | 'clientAuthentication'>;

/** What a case changes; the rest is as it has to be. */
export interface Spec {
  /** @default the one with a P-256 key */
  readonly serverIdentity?: Identity;
  /** In place of `serverIdentity`, which is then what is to be chosen, where the server is ours. */
  readonly chooser?: CredentialChooser;
  /** DER OCSPResponse, where the server is ours. */
  readonly ocspResponse?: Uint8Array;
  /** @default the client has no certificate */
  readonly clientIdentity?: Identity;
  /** Whom the client trusts. @default the authority of the servers */
  readonly strangeCa?: boolean;
  readonly ours?: Ours;
  readonly peer?: Partial<PeerOptions>;
}

/** What belongs to one connection. */
export interface ConnectSpec {
  /** What the client dials. */
  readonly serverName?: string;
  /** Of the client, whichever it is. */
  readonly session?: unknown;
  /** Of our client. */
  readonly earlyData?: string;
  /** More arguments of the peer, where it is a client and openssl's. */
  readonly args?: readonly string[];
}

/** Both ends of one connection, established or not. */
export interface Pair {
  readonly end: End;
  readonly peer: PeerConnection;
}

/** Both ends of a connection that has been established, with what either says of it. */
export interface Met extends Pair {
  readonly complete: Extract<HandshakeEvent, { type: 'complete' }>;
  readonly report: PeerReport;
}

export class Meeting {
  /** Ours. */
  readonly role: Role;
  readonly peer: Peer;
  readonly pki: Pki;
  readonly provider: CryptoProvider;
  readonly #open: { close(): void }[] = [];

  constructor(role: Role, peer: Peer, pki: Pki, provider: CryptoProvider) {
    this.role = role;
    this.peer = peer;
    this.pki = pki;
    this.provider = provider;
  }

  /** Starts a server and connects once, checking all that is true of any connection. */
  async meet(spec: Spec = {}, connect: ConnectSpec = {}): Promise<Met> {
    return (await this.start(spec)).meet(connect);
  }

  /** Starts a server and connects once; the case says what has to happen. */
  async connect(spec: Spec = {}, connect: ConnectSpec = {}): Promise<Pair> {
    return (await this.start(spec)).connect(connect);
  }

  /** Starts a server that may be connected to any number of times. */
  async start(spec: Spec = {}): Promise<Place> {
    const place = await Place.open(this, spec);
    this.#open.push(place);
    return place;
  }

  close(): void {
    for (const each of this.#open) each.close();
  }
}

/** A server of either side, and the client that it is for. */
export class Place {
  readonly #meeting: Meeting;
  readonly #spec: Spec;
  readonly #pairs: Pair[] = [];
  #listener: Listener | undefined;
  #peerServer: PeerServer | undefined;
  /** For the connection that comes next. */
  #connectSpec: ConnectSpec = {};

  private constructor(meeting: Meeting, spec: Spec) {
    this.#meeting = meeting;
    this.#spec = spec;
  }

  static async open(meeting: Meeting, spec: Spec): Promise<Place> {
    const place = new Place(meeting, spec);
    if (meeting.role === 'client') place.#peerServer = await meeting.peer.listen(place.#peerOptions());
    else {
      const config = place.#serverConfig();
      place.#listener = await Listener.open(() => {
        return place.#connection(new ServerHandshake(config, { extensions: [] }));
      });
    }
    return place;
  }

  async connect(connect: ConnectSpec = {}): Promise<Pair> {
    this.#connectSpec = connect;
    const pair = this.#listener === undefined ? await this.#dial() : await this.#beDialled(this.#listener);
    this.#pairs.push(pair);
    return pair;
  }

  async meet(connect: ConnectSpec = {}): Promise<Met> {
    return this.check(await this.connect(connect));
  }

  /** Waits until a connection has been established, and checks all that is true of any. */
  async check({ end, peer }: Pair): Promise<Met> {
    // When both fail, ours says more.
    const [complete, report] = await Promise.all([end.completed(), peer.established()]).catch(
      async (error: unknown) => {
        await end.completed();
        throw error;
      },
    );
    const { handshake } = end.connection;
    const exported = handshake.exportKeyingMaterial(EXPORTER_LABEL, new Uint8Array(0), EXPORTER_LENGTH);
    const expected: Partial<PeerReport> = {
      protocol: 'TLSv1.3',
      suite: handshake.suite?.name ?? '',
      alpn: complete.alpnProtocol,
      isReused: complete.isResumed,
      keyMaterial: Buffer.from(exported).toString('hex'),
    };
    for (const [name, value] of Object.entries(expected))
      assert.equal(report[name as keyof PeerReport] ?? value, value, name);
    this.#checkCertificates(end, report);
    // What comes first on a line is a command to openssl.
    end.write('here is our end\n');
    await peer.read('here is our end\n');
    peer.write('here is the peer\n');
    await end.read('here is the peer\n');
    return { end, peer, complete, report };
  }

  /** Whom the client takes the server for, and that the peer trusts the certificate that it saw. */
  #checkCertificates(end: End, report: PeerReport): void {
    const { serverIdentity = this.#meeting.pki.servers['ecdsa-p256'] } = this.#spec;
    if (report.peerName !== '') assert.equal(report.distrust, '');
    if (this.#meeting.role === 'client') {
      const [expected] = readCertificatesPem(serverIdentity.certificatePem);
      assert.deepEqual(end.connection.handshake.peerCertificates[0], expected);
    } else if (report.isReused !== true) {
      // Node forgets it.
      assert.equal(report.peerName ?? serverIdentity.commonName, serverIdentity.commonName);
    }
  }

  close(): void {
    for (const { end, peer } of this.#pairs) {
      end.destroy();
      peer.close();
    }
    this.#listener?.close();
    this.#peerServer?.close();
  }

  async #dial(): Promise<Pair> {
    const { serverName = SERVER_NAME, session, earlyData } = this.#connectSpec;
    const server = this.#peerServer as PeerServer;
    const peer = await server.accept();
    const handshake = new ClientHandshake(this.#clientConfig(), {
      serverName,
      extensions: [],
      ...(session === undefined ? {} : { session: session as ClientSession }),
      earlyData: earlyData !== undefined,
    });
    return { end: await connectTo(server.port, this.#connection(handshake)), peer };
  }

  async #beDialled(listener: Listener): Promise<Pair> {
    const { serverName, session, args } = this.#connectSpec;
    const peer = await this.#meeting.peer.connect(listener.port, {
      ...this.#peerOptions(),
      ...(args === undefined ? {} : { args }),
      ...(serverName === undefined ? {} : { serverName }),
      ...(session === undefined ? {} : { session }),
    });
    return { end: await listener.accept(), peer };
  }

  #connection(handshake: ClientHandshake | ServerHandshake): Connection {
    const { earlyData } = this.#connectSpec;
    return new Connection(handshake, {
      provider: this.#meeting.provider,
      now: Date.now,
      ...(earlyData === undefined ? {} : { earlyData: new TextEncoder().encode(earlyData) }),
    });
  }

  #clientConfig(): ClientConfig {
    const { provider, pki } = this.#meeting;
    const { clientIdentity, strangeCa = false, ours = {} } = this.#spec;
    return {
      provider,
      random: nodeRandom,
      alpnProtocols: [ALPN],
      carrier: 'records',
      roots: RootStore.fromPem(strangeCa ? pki.strangeCaPem : pki.caPem),
      ...ours,
      ...(clientIdentity === undefined ? {} : { credential: credentialFrom(clientIdentity, provider) }),
    };
  }

  #serverConfig(): ServerConfig {
    const { provider, pki } = this.#meeting;
    const { serverIdentity = pki.servers['ecdsa-p256'], chooser, ocspResponse, ours = {} } = this.#spec;
    const credential = credentialFrom(serverIdentity, provider);
    return {
      provider,
      random: nodeRandom,
      alpnProtocols: [ALPN],
      carrier: 'records',
      ...ours,
      credential: chooser ?? (ocspResponse === undefined ? credential : { ...credential, ocspResponse }),
    };
  }

  #peerOptions(): PeerOptions {
    const { pki, role } = this.#meeting;
    const { serverIdentity = pki.servers['ecdsa-p256'], clientIdentity, strangeCa = false, peer = {} } = this.#spec;
    const identity = role === 'client' ? serverIdentity : clientIdentity;
    return {
      alpn: [ALPN],
      caFile: strangeCa && role === 'server' ? pki.strangeCaFile : pki.caFile,
      ...(identity === undefined ? {} : { identity }),
      ...peer,
    };
  }
}
