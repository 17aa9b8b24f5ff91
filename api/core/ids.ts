/** Ids: UUIDv7 (RFC 9562 §5.7), so that the order of ids is the order of time. */
import { randomBytes } from 'node:crypto';
import { shopTimeMs } from './clock.ts';

let lastMs = 0;
let counter = 0;

/** A step back by more than this, in ms, is a corrected clock: ids follow it. */
const largestStepBackMs = 10_000;

/**
 * A new UUIDv7. Within one process ids never go backwards, also within one millisecond and when the clock goes back a little
 * (method 1 of RFC 9562 §6.2: the 12 bits of rand_a count).
 */
export function newId(nowMs: number = shopTimeMs()): string {
  if (nowMs > lastMs || nowMs < lastMs - largestStepBackMs) {
    lastMs = nowMs;
    counter = randomBytes(2).readUInt16BE() & 0x7ff;
  } else if (++counter > 0xfff) {
    lastMs += 1;
    counter = 0;
  }
  const bytes = randomBytes(16);
  bytes.writeUIntBE(lastMs, 0, 6);
  bytes.writeUInt16BE(0x7000 | counter, 6);
  bytes.writeUInt8(0x80 | ((bytes[8] ?? 0) & 0x3f), 8);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** When a UUIDv7 was made, in ms since 1970. */
export function timeOfId(id: string): number {
  return Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
}

/** A random name of 72 bits, 12 characters, for what is only compared and stored often: shorter than an id. */
export function newVersionId(): string {
  return randomBytes(9).toString('base64url');
}

/** What a resource's id in a path may look like; anything else cannot exist. */
export const idPattern = /^[A-Za-z0-9_-]{1,64}$/;
