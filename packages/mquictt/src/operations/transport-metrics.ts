/**
 * What the connections of each listener carry, added up: no series is ever made for one client. Connections are looked at when they end, when somebody asks
 * and once in a while.
 */
import type { TransportConnection, TransportKind, TransportStats } from '../transports/transport.ts';
import { Histogram } from './metrics-text.ts';

/** Of one listener, since it began. */
export interface ListenerTotals {
  readonly type: TransportKind;
  connections: number;
  bytesReceived: number;
  bytesSent: number;
  packetsSent: number;
  packetsLost: number;
  /** By kind: control, data, unidirectional. */
  readonly streams: Record<StreamKind, number>;
}

export type StreamKind = 'control' | 'data' | 'unidirectional';

/** Seconds: from the same machine to satellites. */
const RTT_BOUNDS: readonly number[] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
/** Parts of the packets sent. */
const LOSS_BOUNDS: readonly number[] = [0, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5];

export class TransportMetrics {
  /** By name of the listener. */
  readonly listeners: Map<string, ListenerTotals> = new Map();
  /** Smoothed round-trip times of QUIC connections, seconds. */
  readonly rtt: Histogram = new Histogram(RTT_BOUNDS);
  /** Lost parts of their packets, since each was looked at last. */
  readonly loss: Histogram = new Histogram(LOSS_BOUNDS);
  readonly #open = new Set<ConnectionMeter>();

  open(connection: TransportConnection): ConnectionMeter {
    let totals = this.listeners.get(connection.listener);
    if (totals === undefined) {
      totals = {
        type: connection.kind,
        connections: 0,
        bytesReceived: 0,
        bytesSent: 0,
        packetsSent: 0,
        packetsLost: 0,
        streams: { control: 0, data: 0, unidirectional: 0 },
      };
      this.listeners.set(connection.listener, totals);
    }
    totals.connections++;
    const meter = new ConnectionMeter(connection, totals, this);
    this.#open.add(meter);
    return meter;
  }

  /** @internal */
  forget(meter: ConnectionMeter): void {
    this.#open.delete(meter);
  }

  /** Brings the totals up to date with the connections that live. */
  collect(): void {
    for (const meter of this.#open) meter.collect();
  }
}

const NOTHING: TransportStats = { bytesReceived: 0, bytesSent: 0, rtt: undefined, packetsSent: 0, packetsLost: 0 };

/** One connection, and what of it has been added up. */
export class ConnectionMeter {
  readonly #connection: TransportConnection;
  readonly #totals: ListenerTotals;
  readonly #metrics: TransportMetrics;
  #last = NOTHING;
  /** When the histograms last looked. */
  #observed = NOTHING;

  constructor(connection: TransportConnection, totals: ListenerTotals, metrics: TransportMetrics) {
    this.#connection = connection;
    this.#totals = totals;
    this.#metrics = metrics;
  }

  countStream(kind: StreamKind): void {
    this.#totals.streams[kind]++;
  }

  collect(): void {
    const stats = this.#connection.stats();
    const totals = this.#totals;
    const last = this.#last;
    this.#last = stats;
    totals.bytesReceived += stats.bytesReceived - last.bytesReceived;
    totals.bytesSent += stats.bytesSent - last.bytesSent;
    totals.packetsSent += (stats.packetsSent ?? 0) - (last.packetsSent ?? 0);
    totals.packetsLost += (stats.packetsLost ?? 0) - (last.packetsLost ?? 0);
  }

  /** Meant for once a minute, and for the end. */
  observe(): void {
    this.collect();
    const stats = this.#last;
    const last = this.#observed;
    this.#observed = stats;
    if (stats.rtt === undefined || stats.packetsSent === undefined || stats.packetsLost === undefined) return;
    const sent = stats.packetsSent - (last.packetsSent ?? 0);
    if (sent === 0) return;
    this.#metrics.rtt.observe(stats.rtt / 1000);
    this.#metrics.loss.observe(Math.min(1, (stats.packetsLost - (last.packetsLost ?? 0)) / sent));
  }

  close(): void {
    this.observe();
    this.#metrics.forget(this);
  }
}
