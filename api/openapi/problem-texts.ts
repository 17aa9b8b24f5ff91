/** What each problem means and what a client does about it: the text of `/problems/<code>`. */
import { type ProblemCode, problems } from '../core/problems.ts';

/** The text about a problem. */
type ProblemText = {
  readonly meaning: string;
  readonly action: string;
  /** The `detail` of the example. */
  readonly detail: string;
  /** Further members of the example. */
  readonly extra?: Readonly<Record<string, unknown>>;
};

const retry = 'Wait as many seconds as Retry-After says, then repeat the request with the same Idempotency-Key.';

/** The texts, by code. */
export const problemTexts: Readonly<Record<ProblemCode, ProblemText>> = {
  'bad-request': {
    meaning: 'The request is not proper HTTP or JSON: broken JSON, not UTF-8, or a header that cannot be read.',
    action: 'Correct the request. Repeating it as it is gives the same answer.',
    detail: 'The body is not JSON.',
  },
  unauthenticated: {
    meaning: 'This route needs an access token. The request has none, or one that is not valid any more.',
    action:
      'Refresh the session with POST /users/refresh, or sign in with POST /users/login. Send the new access token.',
    detail: 'Send an access token.',
  },
  'invalid-credentials': {
    meaning:
      'There is no user with this e-mail address and password. The answer does not say which of the two is wrong.',
    action: 'Ask the user for both again.',
    detail: 'There is no user with this address and password.',
  },
  'session-ended': {
    meaning:
      'This sign-in has ended: by a sign-out, by its age, by a new password, by the deletion of the user, or because a refresh token was used twice.',
    action: 'Forget both tokens and let the user sign in again.',
    detail: 'This sign-in has ended. Sign in again.',
  },
  forbidden: {
    meaning: 'The caller is known, but may not do this.',
    action: 'Use the account of an admin.',
    detail: 'Only an admin may do this.',
  },
  'https-required': {
    meaning: 'The request came over plain HTTP, where others can read it. This shop accepts HTTPS only.',
    action: 'Send it to the https:// address. Change a password or token that was in the request.',
    detail: 'Send this to https://shop.example.com instead. What was in this request may have been read on its way.',
  },
  'not-found': {
    meaning: 'There is nothing under this address, or nothing that this caller may see.',
    action: 'Check the path and the id. / lists the services, /openapi.json every route.',
    detail: 'There is no resource at this path. The nearest is /users/login.',
  },
  'method-not-allowed': {
    meaning: 'The path exists, but not with this method.',
    action: 'Use one of the methods in the header Allow.',
    detail: 'This path supports POST, OPTIONS.',
  },
  'email-taken': {
    meaning: 'A user with this e-mail address exists already. Upper and lower case make no difference.',
    action: 'Let the user sign in, or sign up with another address.',
    detail: 'There is a user with this address already.',
  },
  'last-admin': {
    meaning: 'This would leave the shop without an admin.',
    action: 'Make another user an admin first.',
    detail: 'This is the last admin: promote another user first.',
  },
  'product-exists': {
    meaning: 'There is a product with this id already.',
    action: 'Change it with PATCH /products/{id}, or use another id.',
    detail: "There is a product 'boots' already.",
  },
  'insufficient-stock': {
    meaning: 'The stock is smaller than the quantity in the request. Nothing was reserved.',
    action: 'Buy less: items says how much of each product is left. A new purchase needs a new Idempotency-Key.',
    detail: 'There is not enough stock of the items listed. Nothing was reserved.',
    extra: { items: [{ productId: 'boots', requested: 3, available: 1 }] },
  },
  'not-cancellable': {
    meaning: 'A purchase that failed has nothing to cancel.',
    action: 'You need not do anything: no stock was reserved.',
    detail: 'This purchase has failed: there is nothing to cancel.',
  },
  'precondition-failed': {
    meaning: 'The resource has changed since the version in If-Match. Nothing was changed by this request.',
    action: 'Read the resource again, apply your change to the new version, and send its ETag in If-Match.',
    detail: 'The user has changed since the version in If-Match; read it again.',
  },
  'payload-too-large': {
    meaning: 'The body is larger than this route accepts: 100 kB, or 2 MB for POST /products/batch.',
    action: 'Send less at once.',
    detail: 'The body may have 102400 bytes at most.',
  },
  'unsupported-media-type': {
    meaning: 'The body is not JSON, not UTF-8, or it is compressed.',
    action: 'Send Content-Type: application/json, and no Content-Encoding.',
    detail: 'Send the body as application/json in UTF-8.',
  },
  'validation-failed': {
    meaning: 'The request can be read, but fields or parameters are invalid. Unknown ones are invalid, too.',
    action: 'Correct every fault in errors: pointer says where (#/items/0/quantity in the body, ?limit in the query).',
    detail: 'The request is invalid; errors lists each fault.',
    extra: { errors: [{ pointer: '#/items/0/quantity', detail: 'must be at least 1' }] },
  },
  'unknown-product': {
    meaning: 'The purchase names a product that does not exist. Nothing was reserved.',
    action: 'Buy without the products that items lists. A new purchase needs a new Idempotency-Key.',
    detail: 'The products listed in items do not exist. Nothing was reserved.',
    extra: { items: [{ productId: 'boot' }] },
  },
  'idempotency-key-reused': {
    meaning: 'This Idempotency-Key was used for another request within 24 hours.',
    action: 'Use a new key for each new request, and the same key only to repeat the same one.',
    detail: 'This Idempotency-Key belongs to a request with another body.',
  },
  'rate-limited': {
    meaning:
      'The caller sent more requests than a limit allows. RateLimit-Policy names the limits, RateLimit what is left. On their first day, customers who use one address share the daily limits of one customer for purchases and other writes.',
    action: retry,
    detail: 'Too many requests; try again in 12 s.',
  },
  'internal-error': {
    meaning: 'The request failed because of an error in the shop.',
    action: 'Report the requestId to the operator, who finds the request in the logs by it.',
    detail: 'This is an error of the shop; its logs have the details under the requestId.',
  },
  'temporarily-unavailable': {
    meaning:
      'The shop could not complete the request safely in time, for example during a failover or under too much load.',
    action: `${retry} It then takes effect once, even if the first attempt did after all.`,
    detail: 'This was not confirmed in time. Repeat it with the same Idempotency-Key: it takes effect once.',
  },
};

/** An example of the problem document. */
export function problemExample(code: ProblemCode): Readonly<Record<string, unknown>> {
  const [status, title] = problems[code];
  const { detail, extra } = problemTexts[code];
  return {
    type: `/problems/${code}`,
    title,
    status,
    detail,
    requestId: '0192f0c1-7b1e-7cc0-9d5e-3f1a0e6b2c4d',
    ...extra,
  };
}
