/** What the receiver of a stream benchmark reports. */
export interface Taken {
  /** Bytes that arrived. */
  bytes: number;
  /** From the first to the last of them, ms. */
  ms: number;
}
