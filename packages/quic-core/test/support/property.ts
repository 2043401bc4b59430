/** fast-check with a fixed seed, so that a failure on one machine is one on all; SEED=... draws others. A failure prints seed and path. */
import fc from 'fast-check';

const SEED = Number(process.env['SEED'] ?? 9000);

export { fc };

export function check<T>(property: fc.IProperty<T>, numRuns: number = 500): void {
  fc.assert(property, { seed: SEED, numRuns });
}
