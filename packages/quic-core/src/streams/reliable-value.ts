/**
 * A value that must reach the peer, such as a limit, a reset or a flag (RFC 9000 §13.3). It knows itself what an acknowledgement and a loss mean: only the
 * newest value is sent again, and not once any transmission of it has arrived.
 *
 *     idle --set--> pending --onSent--> in flight --onAcked--> delivered
 *                      ^                    |
 *                      +------onLost--------+          set() of another value starts over, cancel() goes back to idle
 *
 * The frame that carries it registers `value` with its packet and hands it back to onAcked() and onLost().
 */
export class ReliableValue {
  #value: number = -1;
  #isPending: boolean = false;
  #isDelivered: boolean = false;

  /** The newest value, -1 when there is none. */
  get value(): number {
    return this.#value;
  }

  /** Whether a frame with `value` is to be sent. */
  get isPending(): boolean {
    return this.#isPending;
  }

  /** Whether the newest value is known to have arrived. */
  get isDelivered(): boolean {
    return this.#isDelivered;
  }

  /**
   * @param value 0 or more; a flag takes any number
   * @returns whether it is new and therefore pending
   */
  set(value: number): boolean {
    if (value === this.#value) return false;
    this.#value = value;
    this.#isPending = true;
    this.#isDelivered = false;
    return true;
  }

  onSent(): void {
    this.#isPending = false;
  }

  /** @returns whether the newest value arrived with this */
  onAcked(value: number): boolean {
    if (value !== this.#value || value === -1 || this.#isDelivered) return false;
    this.#isDelivered = true;
    this.#isPending = false;
    return true;
  }

  /** @returns whether the value has to be sent again because of this */
  onLost(value: number): boolean {
    if (value !== this.#value || value === -1 || this.#isDelivered || this.#isPending) return false;
    this.#isPending = true;
    return true;
  }

  /** Nothing to say any more. */
  cancel(): void {
    this.#value = -1;
    this.#isPending = false;
    this.#isDelivered = false;
  }
}
