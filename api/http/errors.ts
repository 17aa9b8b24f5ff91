/** Refusals, outages and bugs as `application/problem+json` (RFC 9457). Clients never get a stack trace or a message of Redis. */
import type { ErrorRequestHandler, Response } from 'express';
import { isRefusal, type Refusal, refuse, Unavailable } from '../core/outcome.ts';
import { problems } from '../core/problems.ts';

/** Sends a refusal. */
export function sendRefusal(res: Response, refusal: Refusal): void {
  const [status] = problems[refusal.code];
  const { headers } = refusal;
  if (headers !== undefined) res.set(headers);
  if (refusal.replayed) res.set('Idempotent-Replayed', 'true');
  if (status === 401) res.set('WWW-Authenticate', 'Bearer realm="shop"');
  if (status === 503 && !res.hasHeader('Retry-After')) res.set('Retry-After', '1');
  res.status(status).set('Content-Type', 'application/problem+json').set('Cache-Control', 'no-store');
  res.end(problemText(refusal, String(res.getHeader('X-Request-Id'))));
}

/** The document of a refusal, as JSON. */
export function problemText({ code, detail, extra }: Refusal, requestId: string): string {
  const [status, title] = problems[code];
  return JSON.stringify({ type: `/problems/${code}`, title, status, detail, requestId, ...extra });
}

/** The last middleware: every thrown value becomes a refusal. Faults of the body parser are named by their `type`. */
export const problemOfError: ErrorRequestHandler = (error, req, res, _next) => {
  const refusal = isRefusal(error) ? error : refusalOf(error, req.method === 'GET' || req.method === 'HEAD');
  const requestId = req.id;
  if (refusal.code === 'internal-error') req.log.error({ requestId, err: error }, 'answered 500 because of a bug');
  else if (refusal.code === 'temporarily-unavailable') {
    req.log.warn({ requestId, reason: String(error?.message) }, 'answered 503');
  }
  if (res.headersSent) res.destroy();
  else sendRefusal(res, refusal);
};

function refusalOf(error: { type?: unknown; status?: unknown; limit?: unknown }, isRead: boolean): Refusal {
  if (error instanceof Unavailable) {
    return refuse(
      'temporarily-unavailable',
      isRead
        ? 'This could not be read safely in time. Repeat the request in a second.'
        : 'This was not confirmed in time. Repeat it with the same Idempotency-Key: it takes effect once.',
    );
  }
  switch (error?.type) {
    case 'entity.too.large':
      return refuse('payload-too-large', `The body may have ${String(error.limit)} bytes at most.`);
    case 'entity.parse.failed':
      return refuse('bad-request', 'The body is not JSON.');
    case 'entity.verify.failed':
      return refuse('bad-request', 'The body is not UTF-8.');
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return refuse('unsupported-media-type', 'The body must be plain JSON in UTF-8, not compressed.');
    case 'request.size.invalid':
    case 'request.aborted':
      return refuse('bad-request', 'The body is not as long as its Content-Length.');
  }
  if (error instanceof URIError) return refuse('bad-request', 'The path is not valid percent-encoded UTF-8.');
  if (error?.status === 400) return refuse('bad-request', 'The request cannot be read.');
  return refuse('internal-error', 'This is an error of the shop; its logs have the details under the requestId.');
}
