/** Ids: UUIDv7 (RFC 9562 §5.7), so that the order of ids is the order of time. */
import { randomBytes } from 'node:crypto';
import { shopTimeMs } from './clock.ts';

let lastMs = 0;
let counter = 0;

/** Random bytes that are drawn but not yet used: a call of the generator costs the same for 16 bytes and for 4096. */
let pool = Buffer.alloc(0);
const poolBytes = 4096;

/** Unused random bytes, from the pool. */
function randomFromPool(count: number): Buffer {
  if (pool.length < count) pool = randomBytes(poolBytes);
  const bytes = pool.subarray(0, count);
  pool = pool.subarray(count);
  return bytes;
}

/** A step back by more than this, in ms, is a corrected clock: ids follow it. */
const largestStepBackMs = 10_000;

/**
 * A new UUIDv7. Within one process ids never go backwards, also within one millisecond and when the clock goes back a little
 * (method 1 of RFC 9562 §6.2: the 12 bits of rand_a count).
 */
export function newId(nowMs: number = shopTimeMs()): string {
  if (nowMs > lastMs || nowMs < lastMs - largestStepBackMs) {
    lastMs = nowMs;
    counter = randomFromPool(2).readUInt16BE() & 0x7ff;
  } else if (++counter > 0xfff) {
    lastMs += 1;
    counter = 0;
  }
  const bytes = randomFromPool(16);
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
  return randomFromPool(9).toString('base64url');
}

/** The digits of {@link newShortId}, in the order in which Redis sorts them. */
const shortDigits = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz';
const timeDigits = 7;
const randomDigits = 7;

/**
 * A new id of 14 characters for what has an entry in many indexes: 42 bits of time in ms since 1970 (enough until 2109), then 42 random bits, so
 * that two of a million ids made at 10,000 a second are alike once in a million times. Later ones sort after those of an earlier millisecond.
 */
export function newShortId(nowMs: number = shopTimeMs()): string {
  let time = '';
  for (let rest = nowMs, digit = 0; digit < timeDigits; digit++) {
    time = shortDigits.charAt(rest % 64) + time;
    rest = Math.floor(rest / 64);
  }
  let random = '';
  for (const byte of randomFromPool(randomDigits)) random += shortDigits.charAt(byte % 64);
  return time + random;
}

/** What a resource's id in a path may look like; anything else cannot exist. */
export const idPattern = /^[A-Za-z0-9_-]{1,64}$/;
