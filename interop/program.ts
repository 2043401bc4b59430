/** One side of a case: a program that plays server and client with one implementation, as it is told. */
import { runCommands } from '../tools/command-loop.ts';
import { clientCommands } from './client-role.ts';
import type { Implementation } from './peer.ts';
import { serve } from './server-role.ts';

/** What an implementation says of itself. */
export type About = Pick<Implementation, 'name' | 'canReset' | 'canStopWithCode' | 'canUpdateKeys'>;

export function runProgram(implementation: Implementation): void {
  const { name, canReset, canStopWithCode, canUpdateKeys } = implementation;
  runCommands({
    about: (): About => ({ name, canReset, canStopWithCode, canUpdateKeys }),
    serve: (options: { certificatePem: string; keyPem: string }) => serve(implementation, options),
    ...clientCommands(implementation),
  });
}
