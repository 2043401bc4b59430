/** What the tests of all packages share. */
export {
  TEST_CREDENTIAL_KINDS,
  TEST_SERVER_NAME,
  TEST_UNIX_TIME,
  testCertificatePem,
  testCredential,
  testRoots,
  testRootsPem,
} from './certificates.ts';
export type { TestCredentialKind } from './certificates.ts';
export { CA_P256, CA_RSA2048 } from './certificate-data.ts';
export type { CertificateData } from './certificate-data.ts';
export {
  CLIENT_AUTH,
  SERVER_AUTH,
  buildCertificate,
  distinguishedName,
  extensions,
  testKeyPair,
  testKeyPairFromPkcs8,
  toPem,
} from './certificate-builder.ts';
export type {
  CertificateOptions,
  TestExtension,
  TestKeyPair,
  TestKeyType,
  TestSignatureAlgorithm,
} from './certificate-builder.ts';
export * as der from './der.ts';
export { seededRandom } from './random.ts';
export type { SeededRandom } from './random.ts';
export { fakeProtector } from './fake-protector.ts';
export { Simulation, type Scheduled, type SimulationOptions } from './sim/simulation.ts';
export { PacketLog, type PacketLogEntry } from './sim/packet-log.ts';
export { Link, type LinkOptions, type LinkStats, type Packet, type Stage } from './sim/link.ts';
export * as stages from './sim/stages.ts';
export { LINKS, type LinkPreset } from './sim/presets.ts';
export { EndpointNode, type EndpointNodeOptions, type NodeHandlers } from './sim/endpoint-node.ts';
export { AmplificationCheck } from './sim/amplification-check.ts';
export * from './sim/pair.ts';
export { SimNetwork, SimSocket, type Place, type SimNetworkOptions, type SimSocketOptions } from './sim/network.ts';
export { simRuntime } from './sim/sim-runtime.ts';
export { settle, settleFor, type SettleOptions } from './sim/settle.ts';
export { SIM_ALPN, simClient, simServer, type SimEndpointOptions } from './sim/sim-endpoints.ts';
export { BulkReceiver, BulkSender } from './sim/bulk.ts';
export {
  testClientCaPem,
  testClientCertificate,
  testClientCredential,
  testClientRoots,
} from './sim/client-certificates.ts';
export { exchange, type ExchangeOptions, type ExchangeResult } from './sim/exchange.ts';
