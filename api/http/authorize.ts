/** A question to a service before the real request: may this token do what an admin does? Not reachable by clients. */
import type { RequestHandler } from 'express';
import { deadlineIn } from '../core/clock.ts';
import { problemText, sendRefusal } from './errors.ts';
import { type Identities, identify } from './identity.ts';
import type { Limits } from './limits.ts';

const answerMs = 3000;

/**
 * `GET /authorize/admin`: 204 for the access token of an admin whose sign-in is active, as of a second ago at most; else the refusal that a
 * route for admins would answer. Nginx asks it before it takes an upload in (`auth_request`), and the status page before it shows numbers.
 * A refused request ends here, so it is counted here; one that is allowed is counted by its route. The header `X-Refusal` has the document of
 * the refusal, because `auth_request` leaves out the body.
 * @see https://nginx.org/en/docs/http/ngx_http_auth_request_module.html
 */
export function authorizeAdmin(identities: Identities, limits: Pick<Limits, 'count'>): RequestHandler {
  return async (req, res) => {
    res.locals.route = '/authorize/admin';
    const { caller, refusal } = await identify(req, { access: 'admin' }, identities, deadlineIn(answerMs));
    if (refusal === undefined) {
      res.status(204).set('Cache-Control', 'no-store').end();
      return;
    }
    const answer = (await limits.count('arrival', {}, { caller }, res)) ?? refusal;
    res.set('X-Refusal', problemText(answer, String(req.id)));
    sendRefusal(res, answer);
  };
}
