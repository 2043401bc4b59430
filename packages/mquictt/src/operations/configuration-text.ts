/** The tables of the configuration as a page for people: `mquictt serve --help-config`, and docs/configuration.md. */
import { CONFIGURATION, inFile } from './configuration.ts';
import { kindOf } from './settings.ts';
import type { Setting, Settings } from './settings.ts';

const HEAD = `# Configuration of the broker

\`mquictt serve --config FILE\` reads a JSON file. Everything may be left out, a flag of the command line goes before the file, and a key that is not listed
here is refused. SIGHUP reads the file again: certificate, access rules, passwords and log level change at once without a connection being dropped, and
the rest with the next start. If something in it is wrong, what was there before stays, and the log says why.

This page is what \`mquictt serve --help-config\` prints.

\`\`\`json
{
  "address": "0.0.0.0:14567",
  "auth": { "cert_file": "cert.pem", "key_file": "key.pem" },
  "listeners": [{ "type": "tcp", "host": "127.0.0.1" }, { "type": "wss" }],
  "max_packet_size": 65536,
  "monitoring": { "port": 9567 },
  "log": { "level": "info" }
}
\`\`\`

## Keys
`;

/** @returns Markdown that reads well as text too */
export function configurationText(): string {
  return `${HEAD}\n${linesOf(inFile(CONFIGURATION), '').join('\n')}\n`;
}

function linesOf(settings: Settings, indent: string): string[] {
  return Object.entries(settings).flatMap(([key, setting]) => {
    const line = `${indent}- \`${key}\`: ${kindOf(setting)}${notesOf(setting)}. ${setting.description}`;
    const isNested = setting.kind === 'section' || setting.kind === 'list';
    return isNested ? [line, ...linesOf(setting.settings, `${indent}  `)] : [line];
  });
}

function notesOf(setting: Setting): string {
  const notes = [
    ...(setting.default === undefined ? [] : [`default: ${setting.default}`]),
    ...(setting.kind === 'list' ? [`each with ${setting.required.map((key) => `\`${key}\``).join(', ')}`] : []),
  ];
  return notes.length === 0 ? '' : ` (${notes.join('; ')})`;
}
