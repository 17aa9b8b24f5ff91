/** Access to the numbers of the status page: an admin of the shop, or the status token, which needs neither Redis nor a service. */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const authorizeMs = 4000;

/**
 * Makes the check.
 * @param internalUrl of Nginx, through which a service is asked
 * @param statusToken the operator's read-only token; '' for none
 * @returns a check of one request: 204, 401, 403, or 429 after too many refusals; it throws when the token is another one and no service answers in time
 */
export function openAccess(
  internalUrl: string,
  statusToken: string,
): (req: Pick<IncomingMessage, 'headers'>) => Promise<204 | 401 | 403 | 429> {
  return async ({ headers }) => {
    const { authorization } = headers;
    if (authorization === undefined) return 401;
    if (statusToken !== '' && isSame(authorization, `Bearer ${statusToken}`)) return 204;
    // A service knows within a second of a sign-out, a demotion or a deletion.
    const url = new URL('/internal/authorize/admin', internalUrl);
    const { status } = await fetch(url, {
      headers: {
        authorization,
        'x-request-id': String(headers['x-request-id'] ?? ''),
        'x-forwarded-for': String(headers['x-forwarded-for'] ?? ''),
      },
      signal: AbortSignal.timeout(authorizeMs),
    });
    if (status === 204 || status === 401 || status === 403 || status === 429) return status;
    throw new Error(`${url.pathname} answered ${status}`);
  };
}

/** Compares in a time that does not tell how much of it is right. */
function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
