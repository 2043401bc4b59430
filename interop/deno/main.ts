import { runProgram } from '../program.ts';
import { quinn } from './quinn.ts';

runProgram(quinn);
