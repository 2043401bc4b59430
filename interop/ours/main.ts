import { runProgram } from '../program.ts';
import { ours } from './adapter.ts';

runProgram(ours);
