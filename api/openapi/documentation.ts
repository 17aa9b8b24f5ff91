/** What explains the API: the OpenAPI document and the pages about problems. The same in every service; Nginx asks any replica. */
import { createHash } from 'node:crypto';
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { refuse } from '../core/outcome.ts';
import { hasEtag } from '../http/answer.ts';
import { sendRefusal } from '../http/errors.ts';
import { openApiDocument } from './document.ts';
import { pagePolicy, problemPages } from './problem-pages.ts';
import { declaredRoutes } from './tables.ts';

/** How long a client or a cache may use a page without asking again, in seconds. */
const maxAgeSeconds = 300;

type Text = { readonly type: string; readonly bytes: Buffer; readonly etag: string };

/**
 * The routes. Each text is made at the first request for it.
 * @param services the names of all services, whose folders are beside this one
 * @param currency the shop's, ISO 4217
 * @param version the shop's
 */
export function documentationRoutes(services: readonly string[], currency: string, version: string): Router {
  const document = once(async () =>
    textOf('application/json', JSON.stringify(openApiDocument(await declaredRoutes(services, currency), version))),
  );
  const pages = once(async () => {
    const entries = [...problemPages()].map(([code, { html, json }]) => {
      return [code, { html: textOf('text/html', html), json: textOf('application/json', json) }] as const;
    });
    return new Map(entries);
  });

  const problem: RequestHandler<{ code?: string }> = async (req, res) => {
    const page = (await pages()).get(req.params.code ?? '');
    if (page === undefined) {
      sendRefusal(res, refuse('not-found', 'There is no such problem. /problems lists all of them.'));
      return;
    }
    res.set({ Vary: 'Accept', 'Content-Security-Policy': pagePolicy });
    send(req, res, req.accepts(['html', 'json']) === 'json' ? page.json : page.html);
  };

  return Router({ caseSensitive: true })
    .get('/openapi.json', async (req, res) => send(req, res, await document()))
    .get('/problems', problem)
    .get('/problems/:code', problem)
    .all(['/openapi.json', '/problems', '/problems/:code'], (_req, res) => {
      res.set('Allow', 'GET, HEAD');
      sendRefusal(res, refuse('method-not-allowed', 'This address knows GET, HEAD.'));
    });
}

function textOf(type: string, text: string): Text {
  const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
  return { type: `${type}; charset=utf-8`, bytes: Buffer.from(text), etag };
}

function send(req: Request, res: Response, { type, bytes, etag }: Text): void {
  res.set({ 'Cache-Control': `public, max-age=${maxAgeSeconds}`, ETag: etag });
  if (hasEtag(req.get('If-None-Match'), etag)) res.status(304).end();
  else res.set('Content-Type', type).end(bytes);
}

/** The same function, whose first result is kept. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
