import { once } from 'node:events';
import { connect } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Config, server, startMonitoring } from '../../src/index.ts';
import { makeLogger } from '../../src/operations/log.ts';
import { Histogram, MetricsText } from '../../src/operations/metrics-text.ts';
import { developmentCertificates, rejection, until, withBroker } from '../support/loopback.ts';

const test = suite('operations/monitoring');

test('the text is what Prometheus reads: cumulative buckets, escaped labels', () => {
  const histogram = new Histogram([0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 7]) histogram.observe(value);
  const text = new MetricsText()
    .counter('a_total', 'A.', [[{ name: 'x"\\\n' }, 3]])
    .histogram('b_seconds', 'B.', histogram)
    .toString();
  assert.is(
    text,
    `# HELP a_total A.
# TYPE a_total counter
a_total{name="x\\"\\\\\\n"} 3
# HELP b_seconds B.
# TYPE b_seconds histogram
b_seconds_bucket{le="0.1"} 2
b_seconds_bucket{le="1"} 3
b_seconds_bucket{le="+Inf"} 4
b_seconds_sum 7.65
b_seconds_count 4
`,
  );
});

test('metrics count what went over each listener, QUIC with round trips and losses, and no client has a series', async () => {
  await withBroker(
    async ({ broker, connect: connectClient }) => {
      const monitoring = await startMonitoring(broker, { port: 0 });
      const url = `http://${monitoring.address.host}:${monitoring.address.port}`;
      const metrics = async (): Promise<string> => (await fetch(`${url}/metrics`)).text();
      const lines = (await metrics()).split('\n').length;
      const client = await connectClient('a');
      const publisher = await client.publisher('t');
      for (let i = 0; i < 5; i++) await publisher.publish('x');
      const text = await metrics();
      assert.match(text, /^mquictt_clients_connected 1$/m);
      assert.match(text, /^mquictt_messages_total\{direction="received"\} [56]$/m);
      assert.match(text, /^mquictt_listener_connections\{listener="quic",type="quic"\} 1$/m);
      assert.match(text, /^mquictt_listener_streams_total\{listener="quic",type="quic",kind="control"\} 1$/m);
      assert.match(text, /^mquictt_listener_streams_total\{listener="quic",type="quic",kind="data"\} 1$/m);
      assert.match(text, /^mquictt_listener_bytes_total\{listener="quic",type="quic",direction="received"\} \d{4,}$/m);
      assert.match(text, /^mquictt_quic_packets_sent_total\{listener="quic",type="quic"\} [1-9]\d*$/m);
      assert.match(text, /^mquictt_listener_connections_total\{listener="tcp",type="tcp"\} 0$/m);
      assert.is(text.split('\n').length, lines, 'clients add no lines');
      for (const line of text.trimEnd().split('\n'))
        assert.match(line, /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z]+="[^"]*",?)+\})? -?[0-9.e+-]+)$/);
      await client.close();
      await until(() => /^mquictt_quic_rtt_seconds_count 1$/m.test(broker.metrics()));
      assert.match(broker.metrics(), /^mquictt_quic_loss_ratio_bucket\{le="0.5"\} 1$/m);
      await monitoring.close();
    },
    { listeners: [{ type: 'tcp', host: '127.0.0.1', port: 0 }] },
  );
});

test('health is 200, and 503 with the promise that does not hold', async () => {
  const problems: string[] = [];
  const monitoring = await startMonitoring({ metrics: () => '', problems: () => problems }, { port: 0 });
  const url = `http://127.0.0.1:${monitoring.address.port}`;
  const well = await fetch(`${url}/health`);
  assert.equal([well.status, await well.json()], [200, { status: 'ok', problems: [] }]);
  problems.push('The disk is full');
  const failing = await fetch(`${url}/health`);
  assert.equal([failing.status, await failing.json()], [503, { status: 'failing', problems: ['The disk is full'] }]);
  assert.is((await fetch(`${url}/elsewhere`)).status, 404);
  const posted = await fetch(`${url}/health`, { method: 'POST', body: 'x'.repeat(100_000) });
  assert.equal([posted.status, posted.headers.get('allow')], [405, 'GET, HEAD']);
  assert.is(await (await fetch(`${url}/metrics`, { method: 'HEAD' })).text(), '');
  const taken = await rejection(
    startMonitoring({ metrics: () => '', problems: () => [] }, { port: monitoring.address.port }),
  );
  assert.is(taken.code, 'ERR_MQTT_LISTEN');
  await monitoring.close();
});

test('headers without end and more connections than allowed are cut off, and others are answered', async () => {
  const monitoring = await startMonitoring({ metrics: () => '', problems: () => [] }, { port: 0 });
  const { port } = monitoring.address;
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  socket.write(`GET /health HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}`);
  await once(socket, 'close');
  assert.match(answer, /^HTTP\/1\.1 431 /);
  const crowd = Array.from({ length: 40 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  let closed = 0;
  for (const one of crowd) one.on('close', () => closed++);
  await until(() => closed === 8, 5_000);
  for (const one of crowd) one.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.is((await fetch(`http://127.0.0.1:${port}/health`)).status, 200);
  await monitoring.close();
});

test('a client identifier cannot write lines, colours or directions into the log', async () => {
  for (const format of ['json', 'pretty'] as const) {
    const lines: string[] = [];
    const logger = await makeLogger('info', format, (line) => lines.push(line));
    const clientId = 'a\n{"level":"error"}\u001b[31m\u202e\u2028\u0085b';
    logger.info({ clientId, messages: 3 }, `From ${clientId}`);
    logger.debug({}, 'Not at this level');
    logger.error({ error: new Error('oh') }, 'Failed');
    assert.is(lines.length, 2);
    // oxlint-disable-next-line no-control-regex
    assert.not.match(lines[0]!, /[\u0000-\u001f\u0080-\u009f\u2028\u202e]|\\u001b|\\n/);
    assert.match(lines[0]!, /messages"?[=:]3/);
    assert.match(lines[1]!, /Error: oh/);
    logger.level = 'debug';
    logger.debug({}, 'Now');
    assert.is(lines.length, 3);
  }
});

test('the example of the documentation: a broker in a program in five lines', async () => {
  const config = Config.fromPem(await developmentCertificates());
  const broker = await server('127.0.0.1:0', config, { access: { authorize: ({ action }) => action !== 'retain' } });
  const monitoring = await startMonitoring(broker, { port: 0 });
  assert.is(broker.problems().length, 0);
  await monitoring.close();
  const closing = broker.close();
  assert.equal(broker.problems(), ['The broker is stopping']);
  await closing;
});

test.run();
