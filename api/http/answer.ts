/** From a handler's answer to bytes: entity tags, conditions, links, caching. */
import { hash } from 'node:crypto';
import type { Request, Response } from 'express';
import type { Answer, Route } from './route.ts';
import { markAsShared } from './shared-answers.ts';

/**
 * The longest address in a `Link`: Nginx drops an answer whose headers exceed its `proxy_buffer_size` (nginx/proxy.conf), and accepts request
 * lines of up to 8 kB. No valid query comes near it, and the body has the same cursor.
 */
const maxLinkLength = 7000;

/** Sends an answer. 304 where the client has it already (RFC 9110 §13.1.2). */
export function sendAnswer(req: Request, res: Response, route: Route, answer: Answer): void {
  const isRead = req.method === 'GET' || req.method === 'HEAD';
  const text = answer.body === undefined ? undefined : JSON.stringify(answer.body);
  const unquoted = answer.etag ?? (isRead && text !== undefined ? tagOfText(text) : undefined);
  const tag = unquoted === undefined ? undefined : `"${unquoted}"`;
  const isShared = route.public && isRead && req.headers.authorization === undefined;
  if (isShared && text !== undefined) markAsShared(res, text);
  // `setHeader` of Node.js: Express' `set` looks up character sets each time.
  res.setHeader('Cache-Control', route.public ? 'no-cache' : 'no-store');
  if (tag !== undefined) res.setHeader('ETag', tag);
  if (answer.location !== undefined) res.setHeader('Location', answer.location);
  if (answer.replayed) res.setHeader('Idempotent-Replayed', 'true');
  const next = answer.next == null ? undefined : nextPage(req, answer.next);
  if (next !== undefined && next.length <= maxLinkLength) res.setHeader('Link', `<${next}>; rel="next"`);
  if (isRead && tag !== undefined && hasEtag(req.get('If-None-Match'), tag)) {
    res.status(304).end();
    return;
  }
  res.status(answer.status);
  if (text !== undefined) res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.end(text);
}

/** The entity tag, without quotes, of an answer without a version of its own, from its body. */
export function entityTag(body: object): string {
  return tagOfText(JSON.stringify(body));
}

function tagOfText(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 22);
}

/**
 * The entity tags of an If-Match, unquoted; `'*'`; `undefined` without one. Nginx marks the tag of an answer that it compresses as weak
 * (`W/"3"`). Our tags name a version of a resource, which does not depend on the encoding, so both forms are the same tag.
 */
export function ifMatchOf(req: Request): readonly string[] | '*' | undefined {
  const header = req.get('If-Match')?.trim();
  if (header === undefined || header === '*') return header;
  return header
    .split(',')
    .map((tag) => /^(?:W\/)?"([^"]*)"$/.exec(tag.trim())?.[1])
    .filter((tag) => tag !== undefined);
}

/** Whether an If-None-Match names the tag; compared weakly (RFC 9110 §13.1.2). */
export function hasEtag(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  return header.trim() === '*' || header.split(',').some((each) => each.trim().replace(/^W\//, '') === tag);
}

function nextPage(req: Request, cursor: string): string {
  const url = new URL(req.originalUrl, 'http://shop');
  url.searchParams.set('cursor', cursor);
  return url.pathname + url.search;
}
