/** A message as a subscriber gets it. */
import { readMessageProperties } from '../packets/message-properties.ts';
import type { ReceivedProperties } from '../packets/message-properties.ts';
import type { PublishView } from '../packets/publish.ts';
import { Slab } from '../packets/slab.ts';
import { decodeText } from '../packets/utf8.ts';

const slab = new Slab();
const NONE: ReceivedProperties = {};

export class Message {
  readonly topic: string;
  /** Belongs to the receiver. */
  readonly payload: Uint8Array;
  /** With which it was delivered. */
  readonly qos: 0 | 1;
  /** Whether it was there before the subscription (or was published with RETAIN, where `retainAsPublished` asked to know). */
  readonly retain: boolean;
  /** Whether the broker may have sent it before. */
  readonly isDuplicate: boolean;
  /** What its publisher said about it. */
  readonly properties: ReceivedProperties;

  /** @param view a PUBLISH, still valid; what is kept of it is copied */
  constructor(view: PublishView, topic: string) {
    this.topic = topic;
    this.qos = view.qos === 0 ? 0 : 1;
    this.retain = view.isRetain;
    this.isDuplicate = view.isDuplicate;
    this.properties = view.propertiesStart === view.propertiesEnd ? NONE : readMessageProperties(view);
    this.payload = copyOf(view.payload());
  }

  /** The payload as UTF-8 text. */
  text(): string {
    return decodeText(this.payload);
  }
}

function copyOf(bytes: Uint8Array): Uint8Array {
  const start = slab.allocate(bytes.length);
  slab.buffer.set(bytes, start);
  return slab.buffer.subarray(start, start + bytes.length);
}
