/** The word that somebody probably meant. */

/** Longer than any key of ours; nothing that long is a slip of the pen. */
const MAX_LENGTH = 64;

/**
 * @param word as it was written
 * @param known words that exist
 * @returns the one that takes the fewest slips (a letter too many, missing, wrong, or two swapped) to become `word`; undefined when none is near
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > MAX_LENGTH) return undefined;
  const plain = plainOf(word);
  let best: string | undefined;
  let bestDistance = 1 + Math.max(1, Math.floor(plain.length / 3));
  for (const candidate of known) {
    const distance = slips(plain, plainOf(candidate));
    if (distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/** `max_packet_size` and `MaxPacketSize` are the same word. */
function plainOf(word: string): string {
  return word.toLowerCase().replaceAll(/[-_ ]/g, '');
}

/** Optimal string alignment distance, three rows at a time. */
function slips(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j], beforeLast[j - 2] + 1);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length];
}
