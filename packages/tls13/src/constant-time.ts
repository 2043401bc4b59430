/** Comparison without a shortcut. */

/**
 * Compares every byte whatever the ones before say, so that the time taken tells nothing about where two secrets differ.
 * Lengths are not secret.
 */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}
