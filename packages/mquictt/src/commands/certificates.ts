/** `mquictt certificates`: a CA, a certificate and a key for development. */
import { join } from 'node:path';
import { TlsError } from '@mquictt/quic-node';
import { writeDevelopmentCertificates } from '@mquictt/tls13/development-certificates';
import { Command } from 'commander';
import { MqttError } from '../errors.ts';
import { integer } from './connection-options.ts';
import { ExitCode } from './io.ts';
import type { CommandIo } from './io.ts';

interface CertificateFlags {
  readonly names: readonly string[];
  readonly days: number;
  readonly force?: boolean;
}

export function certificatesCommand(io: CommandIo, done: (code: ExitCode) => void): Command {
  return new Command('certificates')
    .description('make a CA, a certificate and a key for development')
    .argument('<folder>', 'where ca.pem, cert.pem and key.pem go; it is made if need be')
    .option('--names <name...>', 'names and addresses for the certificate', ['localhost', '127.0.0.1', '::1'])
    .option('--days <n>', 'how long they are valid', integer(1, 3_650), 365)
    .option('--force', 'replace files that are there')
    .action(async (folder: string, flags: CertificateFlags) => done(await write(folder, flags, io)));
}

async function write(folder: string, flags: CertificateFlags, io: CommandIo): Promise<ExitCode> {
  try {
    await writeDevelopmentCertificates(folder, {
      names: flags.names,
      days: flags.days,
      overwrite: flags.force ?? false,
    });
  } catch (error) {
    const message =
      error instanceof TlsError ? error.message : `Cannot write to ${folder}: ${(error as Error).message}`;
    throw new MqttError('ERR_MQTT_CERTIFICATE', message, { fault: 'usage', cause: error });
  }
  const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((name) => join(folder, name));
  io.out(`Wrote ca.pem, cert.pem and key.pem to ${folder}, for ${flags.names.join(', ')}. Try them with

  mquictt serve --cert ${cert} --key ${key}
  mquictt sub --cafile ${ca} -t '#' -v
  mquictt pub --cafile ${ca} -t hello -m world

or name them in a configuration file, here server.json:

${JSON.stringify({ auth: { ca_cert_file: ca, cert_file: cert, key_file: key } }, undefined, 2)}
`);
  return ExitCode.OK;
}
