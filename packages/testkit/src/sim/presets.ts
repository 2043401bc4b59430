/** Paths that every transport should survive, by name. Each gives the stages of one direction; both directions of a path are alike. */
import type { Stage } from './link.ts';
import { blackhole, corrupt, delay, duplicate, jitter, loss, rate } from './stages.ts';

export type LinkPreset = keyof typeof LINKS;

interface Links {
  readonly clean: () => Stage[];
  readonly bottleneck: () => Stage[];
  readonly loss2: () => Stage[];
  readonly loss30: () => Stage[];
  readonly corrupt30: () => Stage[];
  readonly duplicate10: () => Stage[];
  readonly reordering: () => Stage[];
  readonly blackhole: () => Stage[];
}

export const LINKS: Links = {
  /** 5 ms, nothing goes wrong. */
  clean: () => [delay(5)],
  /** 15 ms, 10 Mbit/s, room for 25 datagrams. */
  bottleneck: () => [rate(10_000_000, 25), delay(15)],
  /** 2 % lost. */
  loss2: () => [loss(0.02), delay(15)],
  /** 30 % lost, at most 3 in a row. */
  loss30: () => [loss(0.3, 3), delay(15)],
  /** 30 % with one byte replaced among their first 50. */
  corrupt30: () => [corrupt(0.3, 50), delay(15)],
  /** 10 % come twice. */
  duplicate10: () => [duplicate(0.1), delay(15)],
  /** Each takes 10 to 30 ms, so that what is sent within 20 ms comes in any order. */
  reordering: () => [jitter(20), delay(10)],
  /** Nothing passes for 2 s of every 5; 10 Mbit/s otherwise, so that a transfer lives to see it. */
  blackhole: () => [blackhole(2000, 5000), rate(10_000_000, 100), delay(15)],
};
