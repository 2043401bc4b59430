/** A CONNECT on its way to an answer: what is known of the client by then. */
import type { ConnectPacket } from '../packets/codec.ts';
import type { ProtocolVersion } from '../packets/packet-types.ts';
import type { Channel } from './channel.ts';
import type { AuthenticationRequest } from './permissions.ts';

export class ConnectRequest implements AuthenticationRequest {
  readonly channel: Channel;
  readonly packet: ConnectPacket;
  readonly clientId: string;
  /** Whether the client left it to us. */
  readonly isAssigned: boolean;

  constructor(channel: Channel, packet: ConnectPacket, clientId: string, isAssigned: boolean) {
    this.channel = channel;
    this.packet = packet;
    this.clientId = clientId;
    this.isAssigned = isAssigned;
  }

  get username(): string | undefined {
    return this.packet.username;
  }

  get password(): Uint8Array | undefined {
    return this.packet.password;
  }

  get certificateName(): string | undefined {
    return this.channel.connection.peerIdentity;
  }

  get remote(): string {
    return this.channel.connection.remote;
  }

  get protocolVersion(): ProtocolVersion {
    return this.packet.protocolVersion;
  }

  get isWanted(): boolean {
    return this.channel.connection.waitingConnect === this;
  }
}
