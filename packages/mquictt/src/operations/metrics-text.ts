/** Metrics as Prometheus reads them: its text format 0.0.4. */

export type Labels = Readonly<Record<string, string>>;
export type Sample = readonly [labels: Labels, value: number];

/** Counts values by size. Grows only, as Prometheus wants it. */
export class Histogram {
  /** Upper ends, growing; everything above the last is counted as well. */
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    const index = this.bounds.findIndex((bound) => value <= bound);
    this.counts[index === -1 ? this.bounds.length : index]++;
    this.sum += value;
  }
}

export class MetricsText {
  #text = '';

  /** @param name ends in `_total` */
  counter(name: string, help: string, value: number | readonly Sample[]): this {
    return this.#family(name, 'counter', help, value);
  }

  gauge(name: string, help: string, value: number | readonly Sample[]): this {
    return this.#family(name, 'gauge', help, value);
  }

  histogram(name: string, help: string, { bounds, counts, sum }: Histogram): this {
    this.#head(name, 'histogram', help);
    let count = 0;
    for (const [index, bound] of [...bounds, Infinity].entries()) {
      count += counts[index];
      this.#line(`${name}_bucket`, { le: bound === Infinity ? '+Inf' : String(bound) }, count);
    }
    this.#line(`${name}_sum`, {}, sum);
    this.#line(`${name}_count`, {}, count);
    return this;
  }

  toString(): string {
    return this.#text;
  }

  #family(name: string, type: string, help: string, value: number | readonly Sample[]): this {
    this.#head(name, type, help);
    const samples: readonly Sample[] = typeof value === 'number' ? [[{}, value]] : value;
    for (const [labels, sample] of samples) this.#line(name, labels, sample);
    return this;
  }

  #head(name: string, type: string, help: string): void {
    this.#text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  }

  #line(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
    this.#text += `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
  }
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
