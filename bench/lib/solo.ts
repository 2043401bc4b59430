/** Contenders that are one process, with both ends in it. */
import type { Child } from '../../tools/children.ts';
import type { Contender, Sample } from './benchmark.ts';
import { PATIENCE } from './duo.ts';

export interface SoloOptions {
  readonly name: string;
  /** Starts the process. @throws Error that says for people why it cannot be */
  readonly spawn: () => Child;
  /** Arguments for `prepare`. */
  readonly work: object;
  readonly measure: (child: Child) => Promise<Sample>;
}

/** A program of bench/parties that knows the command `prepare`. */
export class Solo implements Contender {
  readonly name: string;
  readonly #options: SoloOptions;
  #child: Child | undefined;

  constructor(options: SoloOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#child = this.#options.spawn();
    await this.#child.request('prepare', this.#options.work, PATIENCE);
  }

  measure(): Promise<Sample> {
    if (this.#child === undefined) throw new Error(`${this.name} was not started`);
    return this.#options.measure(this.#child);
  }

  async stop(): Promise<void> {
    await this.#child?.stop();
  }
}
