/** What the broker knows about who may come in, which can be replaced while it runs. */
import type { JudgePeer } from '@mquictt/quic-node';
import { AccessControl } from '../access/access-control.ts';
import type { AccessOptions } from '../access/access-control.ts';
import { certificateName } from '../access/certificate-name.ts';
import type { LogFunction } from '../core/broker-stats.ts';
import type { AuthenticationRequest, AuthenticationResult } from '../core/permissions.ts';

export class BrokerAccess {
  /** Undefined where nothing is configured. */
  control: AccessControl | undefined = undefined;
  readonly #log: LogFunction;
  #options: AccessOptions | undefined = undefined;

  /** @throws MqttError ERR_MQTT_ACCESS */
  constructor(options?: AccessOptions, log: LogFunction = () => {}) {
    this.#log = log;
    this.set(options);
  }

  /** @throws MqttError ERR_MQTT_ACCESS, and then everything stays as it was */
  set(options: AccessOptions | undefined): void {
    this.control = options === undefined ? undefined : new AccessControl(options, this.#log);
    this.#options = options;
  }

  /** Names clients by their certificates, as far as they are to be. */
  readonly judge: JudgePeer = ({ path }) => {
    const source = this.#options?.certificateName;
    return source === undefined || path[0] === undefined ? undefined : certificateName(path[0], source);
  };

  async authenticate(request: AuthenticationRequest, unixTime: () => number): Promise<AuthenticationResult> {
    // It may have been taken away meanwhile.
    return this.control?.authenticate(request, unixTime) ?? { name: request.certificateName };
  }
}
