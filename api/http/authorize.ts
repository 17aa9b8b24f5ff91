/** A question to a service before the real request: may this token do what an admin does? Not reachable by clients. */
import type { RequestHandler } from 'express';
import { deadlineIn } from '../core/clock.ts';
import { sendRefusal } from './errors.ts';
import { type Identities, identify } from './identity.ts';

const answerMs = 3000;

/**
 * `GET /authorize/admin`: 204 for the access token of an admin whose sign-in is active, as of a second ago at most; else the refusal that a
 * route for admins would answer. Nginx asks it before it takes an upload in (`auth_request`), and the status page before it shows numbers.
 * @see https://nginx.org/en/docs/http/ngx_http_auth_request_module.html
 */
export function authorizeAdmin(identities: Identities): RequestHandler {
  return async (req, res) => {
    res.locals.route = '/authorize/admin';
    const { refusal } = await identify(req, { access: 'admin' }, identities, deadlineIn(answerMs));
    if (refusal === undefined) res.status(204).set('Cache-Control', 'no-store').end();
    else sendRefusal(res, refusal);
  };
}
