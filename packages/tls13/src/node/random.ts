/** Random bytes from the operating system through node:crypto. */
import { randomFillSync } from 'node:crypto';
import type { Random } from '../random.ts';

/** The source for everything but tests. Both kinds come from OpenSSL's generators. */
export const nodeRandom: Random = {
  fillPublic(out) {
    randomFillSync(out);
  },
  fillPrivate(out) {
    randomFillSync(out);
  },
};
