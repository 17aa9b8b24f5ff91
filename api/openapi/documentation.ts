/** What explains the API: documents, the interactive page, the pages about problems. The same in every service; Nginx asks any replica. */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { refuse } from '../core/outcome.ts';
import { sendRefusal } from '../http/errors.ts';
import { asyncApiDocument } from './asyncapi.ts';
import { docsFiles, docsPolicy } from './docs-page.ts';
import { openApiDocument } from './document.ts';
import { postmanCollection, postmanEnvironment } from './postman.ts';
import { pagePolicy, problemPages } from './problem-pages.ts';
import { declaredRoutes } from './tables.ts';
import { once, sendText, type Text, textOf } from './texts.ts';

/**
 * The routes. Each text is made at the first request for it.
 * @param services the names of all services, whose folders are beside this one
 * @param currency the shop's, ISO 4217
 * @param version the shop's
 */
export function documentationRoutes(services: readonly string[], currency: string, version: string): Router {
  const json = (value: unknown) => textOf('application/json', JSON.stringify(value));
  const openApi = once(async () => openApiDocument(await declaredRoutes(services, currency), version));
  const documents: Readonly<Record<string, () => Promise<Text>>> = {
    '/openapi.json': once(async () => json(await openApi())),
    '/asyncapi.json': once(async () => json(asyncApiDocument(version))),
    '/postman.json': once(async () => json(postmanCollection(await openApi()))),
    '/postman-environment.json': once(async () => json(postmanEnvironment())),
  };
  const docs = once(docsFiles);
  const pages = once(() => {
    const entries = [...problemPages()].map(([code, { html, json: data }]) => {
      return [code, { html: textOf('text/html', html), json: textOf('application/json', data) }] as const;
    });
    return new Map(entries);
  });

  const problem: RequestHandler<{ code?: string }> = (req, res) => {
    const page = pages().get(req.params.code ?? '');
    if (page === undefined) {
      sendRefusal(res, refuse('not-found', 'There is no such problem. /problems lists all of them.'));
      return;
    }
    res.set({ Vary: 'Accept', 'Content-Security-Policy': pagePolicy });
    return sendText(req, res, req.accepts(['html', 'json']) === 'json' ? page.json : page.html);
  };
  const docsFile = (req: Request<{ file?: string }>, res: Response) => {
    const file = docs().get(req.params.file ?? '');
    if (file === undefined) {
      sendRefusal(res, refuse('not-found', 'There is no resource at this path. The page is /docs.'));
      return;
    }
    res.set('Content-Security-Policy', docsPolicy);
    return sendText(req, res, file);
  };

  const router = Router({ caseSensitive: true })
    .get('/docs', docsFile)
    .get('/docs/:file', docsFile)
    .get('/problems', problem)
    .get('/problems/:code', problem);
  for (const [path, text] of Object.entries(documents)) {
    router.get(path, async (req, res) => sendText(req, res, await text()));
  }
  const paths = [...Object.keys(documents), '/docs', '/docs/:file', '/problems', '/problems/:code'];
  const allow = 'GET, HEAD, OPTIONS';
  return router
    .options(paths, (_req, res) => void res.status(204).set('Allow', allow).end())
    .all(paths, (_req, res) => {
      res.set('Allow', allow);
      sendRefusal(res, refuse('method-not-allowed', `This path supports ${allow}.`));
    });
}
