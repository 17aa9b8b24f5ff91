/** Keyed hashes: what has to be compared but not stored in the clear. */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** HMAC-SHA-256 of the parts, unambiguous however they are cut, base64url. */
export function keyedHash(secret: string, ...parts: readonly string[]): string {
  const hmac = createHmac('sha256', secret);
  for (const part of parts) hmac.update(`${Buffer.byteLength(part)}:`).update(part);
  return hmac.digest('base64url');
}

/** Compares in constant time. */
export function sameText(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}
