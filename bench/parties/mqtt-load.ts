/**
 * The load of the MQTT benchmarks, the same for every client library: one publisher and one subscriber in this process,
 * messages published without waiting for the one before, and as many under way as the window allows, so that nobody has
 * a reason to drop any.
 */
import { performance } from 'node:perf_hooks';

export const TOPICS: readonly string[] = Array.from({ length: 64 }, (_, i) => `bench/topic-${i}`);
export const PAYLOAD_LENGTH = 100;

/** Messages that are published and not yet received, at most. */
const WINDOW = 2_048;
/** The publisher comes back when so many of the window have arrived. */
const REFILL = WINDOW / 4;
/** ms without any message after which those under way count as lost. */
const PATIENCE = 1_500;
/** ms between looks at the clock. */
const TICK = 10;

export interface LoadResult {
  /** Messages that arrived while the time ran. */
  received: number;
  ms: number;
  /** Messages that never arrived. */
  lost: number;
  published: number;
}

/** Counts what the subscriber gets and publishes in step with it. */
export class Load {
  readonly #publish: (topic: number) => void;
  #underWay = 0;
  #unacknowledged = 0;
  #received = 0;
  #published = 0;
  #lost = 0;
  #nextTopic = 0;
  #deadline = 0;
  #isRefilling = false;
  #acknowledges = false;
  readonly #perTopic = new Int32Array(TOPICS.length);

  /** @param publish - publishes a message on one of TOPICS; with QoS 1 onAcknowledged() is called later */
  constructor(publish: (topic: number) => void) {
    this.#publish = publish;
  }

  onMessage(topic: number, length: number): void {
    if (length !== PAYLOAD_LENGTH) throw new Error(`Payload of ${length} bytes arrived`);
    this.#received++;
    this.#underWay--;
    (this.#perTopic[topic] as number)++;
    this.#refillSoon();
  }

  /** A message of QoS 1 was acknowledged to the publisher. */
  onAcknowledged(): void {
    this.#unacknowledged--;
    this.#refillSoon();
  }

  async run(ms: number, qos: 0 | 1): Promise<LoadResult> {
    this.#received = this.#published = this.#lost = this.#underWay = this.#unacknowledged = 0;
    this.#perTopic.fill(0);
    const start = performance.now();
    this.#deadline = start + ms;
    this.#acknowledges = qos === 1;
    this.#refill();
    await this.#watch(() => performance.now() < this.#deadline);
    const received = this.#received;
    const elapsed = performance.now() - start;
    await this.#watch(() => this.#underWay > 0);
    const silent = this.#perTopic.findIndex((count) => count === 0);
    if (silent >= 0 && received > 10 * TOPICS.length) throw new Error(`Nothing arrived on ${TOPICS[silent]}`);
    return { received, ms: elapsed, lost: this.#lost, published: this.#published };
  }

  /** Waits while something is true, and counts what is under way as lost when nothing arrives for too long. */
  async #watch(isBusy: () => boolean): Promise<void> {
    let before = -1;
    let since = 0;
    while (isBusy()) {
      if (this.#received !== before) {
        before = this.#received;
        since = performance.now();
      } else if (performance.now() - since > PATIENCE) {
        this.#giveUp();
        since = performance.now();
      }
      await sleep(TICK);
    }
  }

  #giveUp(): void {
    this.#lost += this.#underWay;
    this.#underWay = 0;
    this.#unacknowledged = 0;
    this.#refill();
  }

  /** Publishes after everything that has arrived by now was counted, not once per message. */
  #refillSoon(): void {
    if (this.#isRefilling || Math.max(this.#underWay, this.#unacknowledged) > WINDOW - REFILL) return;
    this.#isRefilling = true;
    setImmediate(() => {
      this.#isRefilling = false;
      this.#refill();
    });
  }

  #refill(): void {
    if (performance.now() >= this.#deadline) return;
    while (this.#underWay < WINDOW && this.#unacknowledged < WINDOW) {
      this.#underWay++;
      this.#published++;
      if (this.#acknowledges) this.#unacknowledged++;
      const topic = this.#nextTopic;
      this.#nextTopic = (topic + 1) % TOPICS.length;
      this.#publish(topic);
    }
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
