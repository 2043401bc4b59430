/**
 * Memory for small packets, cut from larger pieces: a Uint8Array of its own costs 640 ns, a place in a slab 20 (Node 20.20, 2 vCPU, 2025-11;
 * bench/mqtt-codec.ts). A kept packet keeps its slab, so slabs are small.
 */
const SLAB_SIZE = 8_192;
/** Larger packets get memory of their own. */
const LARGEST = 2_048;

export class Slab {
  /** Where the last allocation lies. */
  buffer: Uint8Array = new Uint8Array(SLAB_SIZE);
  #used = 0;

  /** @returns the offset of `size` bytes in `buffer` */
  allocate(size: number): number {
    if (size > LARGEST) {
      this.buffer = new Uint8Array(size);
      this.#used = size;
      return 0;
    }
    const offset = this.#used;
    if (offset + size <= this.buffer.length) {
      this.#used = offset + size;
      return offset;
    }
    this.buffer = new Uint8Array(SLAB_SIZE);
    this.#used = size;
    return 0;
  }
}
