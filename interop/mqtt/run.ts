/** Runs the MQTT cases: mosquitto's clients against our broker, over TCP and TLS, with MQTT 3.1.1 and 5. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDevelopmentCertificates } from '@mquictt/tls13/development-certificates';
import { Config, server } from 'mquictt';
import type { Counts } from '../tls/run.ts';
import { CASES } from './cases.ts';
import type { Meeting } from './cases.ts';
import { installMosquitto } from './mosquitto.ts';

/**
 * @param words of which the title or the name of a case has to contain one; none means every case
 * @returns undefined where no case has such a name
 */
export async function runMqtt(words: readonly string[], log: (line: string) => void): Promise<Counts | undefined> {
  const runs = (['tcp', 'tls'] as const).flatMap((type) =>
    (['mqttv311', 'mqttv5'] as const).flatMap((version) =>
      CASES.filter(({ only }) => only === undefined || only === version).map((test) => {
        const title = `MQTT: mosquitto over ${type}, ${version}`;
        return { type, version, test, title, name: `${title}: ${test.name}` };
      }),
    ),
  );
  const wanted = runs.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
  if (wanted.length === 0) return undefined;

  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  const version = installMosquitto(log);
  if (version === undefined) {
    log(`\n${wanted.length} cases of MQTT not possible: no mosquitto_pub, mosquitto_sub and mosquitto_rr here`);
    return { ...counts, skipped: wanted.length };
  }
  log(`\nmosquitto's clients ${version}`);

  const folder = mkdtempSync(join(tmpdir(), 'mquictt-interop-'));
  const certificates = await createDevelopmentCertificates();
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, certificates.caPem);
  const { certificatePem, keyPem } = certificates;
  let last = '';
  try {
    for (const { type, version: protocol, test, title } of wanted) {
      if (title !== last) log(`\n${title}`);
      last = title;
      const begin = performance.now();
      const listeners = [{ type, port: 0 } as const];
      const broker = await server('127.0.0.1:0', Config.fromPem({ certificatePem, keyPem }), { listeners });
      const port = String(broker.listeners()[1]?.address.port);
      const tls = type === 'tls' ? ['--cafile', caFile] : [];
      const meeting: Meeting = { broker, version: protocol, reach: ['-h', 'localhost', '-p', port, ...tls] };
      try {
        await test.run(meeting);
        counts.passed++;
        log(`  PASS  ${test.name}  ${(performance.now() - begin).toFixed(0)} ms`);
      } catch (error) {
        counts.failed++;
        log(`  FAIL  ${test.name}  ${(performance.now() - begin).toFixed(0)} ms`);
        log(`        ${(error as Error).message.replaceAll('\n', '\n        ')}`);
      } finally {
        await broker.close();
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return counts;
}
