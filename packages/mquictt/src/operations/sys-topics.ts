/**
 * What the broker tells about itself on topics under `$SYS/broker`, named as mosquitto names them. Read like retained messages: who subscribes gets what is
 * there at once, and then what changes.
 *
 * Averages of `load/...` are per minute, each weighted over 1, 5 and 15 minutes with what is past fading away (as a system's load is).
 */
import type { BrokerStats } from '../core/broker-stats.ts';
import type { Deadlines, Timed } from '../core/deadlines.ts';
import { Message } from '../core/message.ts';
import { encodeUtf8 } from '../packets/utf8.ts';

/** Seconds. */
export const DEFAULT_SYS_INTERVAL = 10;

/** What the topics need of the core. */
export interface SysTopicsHost {
  readonly deadlines: Deadlines;
  stats(): BrokerStats;
  publish(message: Message, source: undefined, now: number): boolean;
}

/** What is counted per minute, and from what. */
const LOADS: readonly (readonly [topic: string, count: (stats: BrokerStats) => number])[] = [
  ['load/messages/received', (stats) => stats.packetsReceived],
  ['load/messages/sent', (stats) => stats.packetsSent],
  ['load/publish/received', (stats) => stats.messagesReceived],
  ['load/publish/sent', (stats) => stats.messagesSent],
  ['load/publish/dropped', (stats) => stats.messagesDropped + stats.messagesNotQueued],
  ['load/bytes/received', (stats) => stats.bytesReceived],
  ['load/bytes/sent', (stats) => stats.bytesSent],
  ['load/connections', (stats) => stats.connectionsAccepted],
];

/** Minutes over which averages go. */
const PERIODS: readonly number[] = [1, 5, 15];

export class SysTopics implements Timed {
  deadline: number = Infinity;
  heapIndex = -1;

  readonly #host: SysTopicsHost;
  /** ms */
  readonly #interval: number;
  readonly #version: string;
  readonly #startedAt: number;
  #lastAt: number;
  #last: BrokerStats;
  /** By topic. */
  readonly #loads = new Map<string, number>();
  readonly #published = new Map<string, string>();

  /**
   * Publishes everything, now and then as long as the host lives.
   *
   * @param interval seconds, above 0
   * @param version of this package
   */
  static start(host: SysTopicsHost, interval: number, version: string, now: number): void {
    new SysTopics(host, interval, version, now).handleTimeout(now);
  }

  private constructor(host: SysTopicsHost, interval: number, version: string, now: number) {
    this.#host = host;
    this.#interval = interval * 1000;
    this.#version = version;
    this.#startedAt = now;
    this.#lastAt = now;
    this.#last = host.stats();
  }

  handleTimeout(now: number): void {
    const stats = this.#host.stats();
    this.#updateLoads(stats, now);
    for (const [topic, value] of this.#values(stats, now)) this.#publish(topic, value, now);
    this.#host.deadlines.set(this, now + this.#interval);
  }

  *#values(stats: BrokerStats, now: number): Iterable<readonly [topic: string, value: string | number]> {
    const away = stats.sessions - stats.connections;
    yield ['version', `mquictt version ${this.#version}`];
    yield ['uptime', `${Math.floor((now - this.#startedAt) / 1000)} seconds`];
    yield ['clients/total', stats.sessions];
    yield ['clients/maximum', stats.maxConnections];
    yield ['clients/connected', stats.connections];
    yield ['clients/active', stats.connections];
    yield ['clients/disconnected', away];
    yield ['clients/inactive', away];
    yield ['messages/received', stats.packetsReceived];
    yield ['messages/sent', stats.packetsSent];
    yield ['messages/stored', stats.queuedMessages];
    yield ['store/messages/count', stats.queuedMessages];
    yield ['store/messages/bytes', stats.queuedBytes];
    yield ['publish/messages/received', stats.messagesReceived];
    yield ['publish/messages/sent', stats.messagesSent];
    yield ['publish/messages/dropped', stats.messagesDropped + stats.messagesNotQueued];
    // Of those: messages of QoS 1 and 2 for which a session had no room.
    yield ['publish/messages/not-queued', stats.messagesNotQueued];
    yield ['bytes/received', stats.bytesReceived];
    yield ['bytes/sent', stats.bytesSent];
    yield ['retained messages/count', stats.retainedMessages];
    yield ['subscriptions/count', stats.subscriptions];
    yield ['shared_subscriptions/count', stats.sharedSubscriptions];
    for (const [topic, load] of this.#loads) yield [topic, load.toFixed(2)];
  }

  #updateLoads(stats: BrokerStats, now: number): void {
    const minutes = (now - this.#lastAt) / 60_000;
    for (const [topic, count] of LOADS) {
      const rate = minutes === 0 ? 0 : (count(stats) - count(this.#last)) / minutes;
      for (const period of PERIODS) {
        const name = `${topic}/${period}min`;
        const load = this.#loads.get(name) ?? 0;
        this.#loads.set(name, rate + Math.exp(-minutes / period) * (load - rate));
      }
    }
    this.#last = stats;
    this.#lastAt = now;
  }

  /** Only what has changed. */
  #publish(name: string, value: string | number, now: number): void {
    const text = String(value);
    if (this.#published.get(name) === text) return;
    this.#published.set(name, text);
    const topic = `$SYS/broker/${name}`;
    const fields = {
      topic,
      topicBytes: encodeUtf8(topic),
      payload: encodeUtf8(text),
      qos: 0,
      retain: true,
      properties: NONE,
      expiresAt: Infinity,
    };
    this.#host.publish(new Message(fields, undefined), undefined, now);
  }
}

const NONE = new Uint8Array(0);
