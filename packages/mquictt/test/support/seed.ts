/** The seed of everything random in a test: SEED=1234 repeats a run. */
export const SEED: number = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

/** A small generator (mulberry32) for tests that only need variety. */
export function random(seed: number = SEED): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
