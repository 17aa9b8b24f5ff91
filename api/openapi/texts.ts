/** Texts that are the same for all callers: made once, tagged, and not sent again to a client that has them. */
import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';
import { hasEtag } from '../http/answer.ts';

/** How long a client or a cache may use a text without asking again, in seconds. */
const maxAgeSeconds = 300;

/** What is sent. */
export type Text = { readonly type: string; readonly bytes: Buffer; readonly etag: string };

/** @param type the media type; the charset is always UTF-8 where it is text */
export function textOf(type: string, content: string | Buffer): Text {
  const bytes = Buffer.from(content);
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  return { type: type.startsWith('image/') ? type : `${type}; charset=utf-8`, bytes, etag };
}

/** Sends a text, or 304. */
export function sendText(req: Request, res: Response, { type, bytes, etag }: Text): void {
  res.set({ 'Cache-Control': `public, max-age=${maxAgeSeconds}`, ETag: etag });
  if (hasEtag(req.get('If-None-Match'), etag)) res.status(304).end();
  else res.set('Content-Type', type).end(bytes);
}

/** The same function, whose first result is kept. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
