/** Texts that are the same for all callers: made once, tagged, and not sent again to a client that has them. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Request, Response } from 'express';
import { hasEtag } from '../http/answer.ts';

/** How long a client or a cache may use a text without asking again, in seconds. */
const maxAgeSeconds = 300;

/** From this length on, in bytes, a text is compressed once and kept: Nginx would compress it for each client (30 ms for Swagger UI). */
const keptCompressedBytes = 16 * 1024;

/** What is sent. */
export type Text = {
  readonly type: string;
  readonly bytes: Buffer;
  readonly etag: string;
  /** Set for a long text: compresses it, once. */
  readonly compressed: (() => Promise<Buffer>) | undefined;
};

/** @param type the media type; the charset is always UTF-8 where it is text */
export function textOf(type: string, content: string | Buffer): Text {
  const bytes = Buffer.from(content);
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  const compressed = bytes.length < keptCompressedBytes ? undefined : once(() => promisify(gzip)(bytes));
  return { type: type.startsWith('image/') ? type : `${type}; charset=utf-8`, bytes, etag, compressed };
}

/** Sends a text, or 304; a long one compressed, with a weak tag like all that Nginx compresses, to a client that takes it. */
export async function sendText(req: Request, res: Response, { type, bytes, etag, compressed }: Text): Promise<void> {
  const isCompressed = compressed !== undefined && req.acceptsEncodings('gzip') === 'gzip';
  if (compressed !== undefined) res.vary('Accept-Encoding');
  res.set({ 'Cache-Control': `public, max-age=${maxAgeSeconds}`, ETag: isCompressed ? `W/${etag}` : etag });
  if (hasEtag(req.get('If-None-Match'), etag)) {
    res.status(304).end();
    return;
  }
  res.set('Content-Type', type);
  if (isCompressed) res.set('Content-Encoding', 'gzip').end(await compressed());
  else res.end(bytes);
}

/** The same function, whose first result is kept. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
