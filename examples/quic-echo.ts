/**
 * QUIC without MQTT: a server that sends every stream back, and a client that checks what comes.
 *
 *     node --conditions=@mquictt/source --import tsx examples/quic-echo.ts
 */
import { connect, listen, RootStore } from '@mquictt/quic-node';
import { createDevelopmentCertificates } from '@mquictt/tls13/development-certificates';

const { caPem, certificatePem, keyPem } = await createDevelopmentCertificates();
const alpnProtocols = ['echo'];

const listener = await listen({ host: '127.0.0.1', port: 0, alpnProtocols, certificate: { certificatePem, keyPem } });
listener.onConnection = (connection) => {
  connection.onStream = async (stream) => {
    // Reading pulls and writing waits: a client that does not read its echo is not read either.
    for await (const chunk of stream) await stream.write(chunk);
    await stream.end();
  };
};

const { host, port } = listener.address;
const connection = await connect({
  host,
  port,
  serverName: 'localhost',
  alpnProtocols,
  roots: RootStore.fromPem(caPem),
});
const texts = ['one', 'two', 'three'];
const echoes = texts.map(async (text) => {
  const stream = await connection.openStream();
  await stream.end(new TextEncoder().encode(text));
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return `stream ${stream.id}: ${new TextDecoder().decode(Buffer.concat(chunks))}`;
});
console.log((await Promise.all(echoes)).join('\n'));

await connection.close();
await listener.close();
