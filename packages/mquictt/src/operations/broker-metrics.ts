/** All metrics of a broker as text, see MetricsText. Names carry units; nothing grows with the number of clients. */
import type { BrokerStats } from '../core/broker-stats.ts';
import { MetricsText } from './metrics-text.ts';
import type { Sample } from './metrics-text.ts';
import type { ListenerTotals, TransportMetrics } from './transport-metrics.ts';

/** What is asked about. */
export interface MeasuredBroker {
  stats(): BrokerStats;
  listeners(): readonly { readonly name: string; readonly type: string; readonly connections: number }[];
  problems(): readonly string[];
}

export function brokerMetrics(broker: MeasuredBroker, transports: TransportMetrics, version: string): string {
  transports.collect();
  const stats = broker.stats();
  const text = new MetricsText()
    .gauge('mquictt_info', 'Version of the broker.', [[{ version }, 1]])
    .gauge('mquictt_healthy', 'Whether the broker keeps all its promises.', broker.problems().length === 0 ? 1 : 0)
    .gauge('mquictt_clients_connected', 'Clients that are connected.', stats.connections)
    .gauge('mquictt_sessions', 'Sessions, those of clients that are not connected included.', stats.sessions)
    .gauge('mquictt_streams_open', 'Streams that are open.', stats.flows)
    .gauge('mquictt_subscriptions', 'Subscriptions of all sessions.', stats.subscriptions)
    .gauge('mquictt_shared_subscriptions', 'Groups of shared subscriptions.', stats.sharedSubscriptions)
    .gauge('mquictt_retained_messages', 'Retained messages.', stats.retainedMessages)
    .gauge('mquictt_retained_bytes', 'Bytes of retained messages.', stats.retainedBytes)
    .gauge('mquictt_queued_messages', 'Messages that wait to be sent.', stats.queuedMessages)
    .gauge('mquictt_queued_bytes', 'Bytes of messages that wait to be sent.', stats.queuedBytes)
    .counter('mquictt_mqtt_bytes_total', 'Bytes of MQTT packets.', directions(stats.bytesReceived, stats.bytesSent))
    .counter('mquictt_packets_total', 'MQTT packets.', directions(stats.packetsReceived, stats.packetsSent))
    .counter('mquictt_messages_total', 'PUBLISH packets.', directions(stats.messagesReceived, stats.messagesSent))
    .counter('mquictt_messages_routed_total', 'Copies of messages queued for subscribers.', stats.messagesRouted)
    .counter('mquictt_messages_dropped_total', 'Copies of messages that were not queued.', [
      [{ reason: 'reader-behind-or-too-large' }, stats.messagesDropped],
      [{ reason: 'queue-full' }, stats.messagesNotQueued],
    ])
    .counter('mquictt_retained_refused_total', 'Messages that could not be retained.', stats.retainedRefused)
    .counter('mquictt_streams_evicted_total', 'Streams ended because nobody read them.', stats.flowsEvicted)
    .counter('mquictt_connects_total', 'CONNECT packets by answer.', [
      [{ answer: 'accepted' }, stats.connectionsAccepted],
      [{ answer: 'refused' }, stats.connectionsRefused],
    ])
    .counter(
      'mquictt_protocol_errors_total',
      'Streams or connections ended because of what came.',
      stats.protocolErrors,
    )
    .counter('mquictt_internal_errors_total', 'Mistakes of the broker itself.', stats.internalErrors);
  addListeners(text, broker, transports);
  return text
    .histogram(
      'mquictt_quic_rtt_seconds',
      'Smoothed round-trip times of QUIC connections, each once a minute and at its end.',
      transports.rtt,
    )
    .histogram('mquictt_quic_loss_ratio', 'Lost parts of the packets of QUIC connections, likewise.', transports.loss)
    .toString();
}

function addListeners(text: MetricsText, broker: MeasuredBroker, transports: TransportMetrics): void {
  const known = broker.listeners();
  const labels = new Map(known.map(({ name, type }) => [name, { listener: name, type }]));
  const samples = (value: (totals: ListenerTotals | undefined) => number): Sample[] =>
    Array.from(labels, ([name, label]) => [label, value(transports.listeners.get(name))] as const);
  const both = (received: (totals: ListenerTotals) => number, sent: (totals: ListenerTotals) => number): Sample[] =>
    Array.from(labels, ([name, label]) => {
      const totals = transports.listeners.get(name);
      return directions(totals === undefined ? 0 : received(totals), totals === undefined ? 0 : sent(totals), label);
    }).flat();
  const quic = [...labels].filter(([, { type }]) => type === 'quic');
  text
    .gauge(
      'mquictt_listener_connections',
      'Connections of a listener that are open.',
      known.map(({ name, type, connections }) => [{ listener: name, type }, connections]),
    )
    .counter(
      'mquictt_listener_connections_total',
      'Connections that a listener has accepted.',
      samples((totals) => totals?.connections ?? 0),
    )
    .counter(
      'mquictt_listener_bytes_total',
      'Bytes on the connections of a listener, over QUIC with packet headers.',
      both(
        (totals) => totals.bytesReceived,
        (totals) => totals.bytesSent,
      ),
    )
    .counter(
      'mquictt_listener_streams_total',
      'Streams that clients have opened.',
      Array.from(labels, ([name, label]) =>
        (['control', 'data', 'unidirectional'] as const).map(
          (kind) => [{ ...label, kind }, transports.listeners.get(name)?.streams[kind] ?? 0] as const,
        ),
      ).flat(),
    )
    .counter(
      'mquictt_quic_packets_sent_total',
      'QUIC packets sent.',
      quic.map(([name, label]) => [label, transports.listeners.get(name)?.packetsSent ?? 0]),
    )
    .counter(
      'mquictt_quic_packets_lost_total',
      'QUIC packets given up as lost.',
      quic.map(([name, label]) => [label, transports.listeners.get(name)?.packetsLost ?? 0]),
    );
}

function directions(received: number, sent: number, labels: Readonly<Record<string, string>> = {}): Sample[] {
  return [
    [{ ...labels, direction: 'received' }, received],
    [{ ...labels, direction: 'sent' }, sent],
  ];
}
