/** Answers that Nginx may keep and give to other clients (nginx/catalogue.conf). */
import type { Response } from 'express';
import { shopTimeSeconds } from '../core/clock.ts';

/** How long Nginx keeps an answer, in seconds. It counts in whole seconds: up to one more. With the second of a read, that makes three. */
const keptSeconds = 1;
/** The longest body, in bytes: 2,000 of these must fit into Nginx's temporary file system (nginx/cache.conf). */
const maxBytes = 32 * 1024;
/** Up to ten blocks each of a second, of ten, ... of 10,000 seconds: 28 hours. */
const blockSeconds = [1, 10, 100, 1000, 10_000];
const blocks = 10;

let table = { second: Number.NaN, text: '' };

/** Marks an answer that does not depend on its caller. @param text the body */
export function markAsShared(res: Response, text: string): void {
  // A UTF-16 code unit takes at most three bytes in UTF-8, so most texts need not be measured.
  if (3 * text.length > maxBytes && Buffer.byteLength(text) > maxBytes) return;
  // Before Cache-Control: Nginx before 1.23 heeds the first of the two.
  res.setHeader('X-Accel-Expires', keptSeconds);
  const second = shopTimeSeconds();
  if (table.second !== second) table = { second, text: agesOf(second) };
  res.setHeader('X-Ages', table.text);
}

/**
 * Which age an answer of now has at which time: `<beginning of the time>=<age>`, in seconds, the shortest times first. Below ten seconds the age
 * is exact, above it is rounded up to the end of its block. Nginx looks the age up, because it cannot subtract.
 * @param second the present time, in seconds since 1970
 */
export function agesOf(second: number): string {
  const entries = blockSeconds.flatMap((size) => {
    const first = Math.floor(second / size);
    return Array.from({ length: blocks + 1 }, (_, i) => `${first + i}=${(first + i + 1) * size - 1 - second}`);
  });
  return entries.join(',');
}
