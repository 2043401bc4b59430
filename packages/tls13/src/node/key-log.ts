/** SSLKEYLOGFILE: secrets in a file, so that Wireshark can read a capture. For debugging only. */
import { appendFileSync } from 'node:fs';
import type { KeyLog } from '../handshake.ts';

/**
 * Appends each line to a file, which is made readable for its owner only. Written at once and not in the background: the lines are few, and
 * a program that crashes is just the one whose log is wanted.
 *
 * @param path the file; made when it is missing
 * @throws the file system's error, at the first line, when it cannot be written
 */
export function keyLogFile(path: string): KeyLog {
  return (line) => {
    appendFileSync(path, `${line}\n`, { mode: 0o600 });
  };
}
