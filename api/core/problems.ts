/**
 * Every problem with which the shop refuses a request: code → status and title. The list is closed; an answer's `type` is
 * `/problems/<code>` (RFC 9457).
 */
export const problems = {
  'bad-request': [400, 'The request cannot be read'],
  unauthenticated: [401, 'A valid access token is needed'],
  'invalid-credentials': [401, 'The e-mail address or the password is wrong'],
  'session-ended': [401, 'This sign-in has ended'],
  forbidden: [403, 'Not allowed'],
  'https-required': [403, 'HTTPS is required'],
  'not-found': [404, 'There is nothing here'],
  'method-not-allowed': [405, 'This method is not allowed here'],
  'email-taken': [409, 'This e-mail address is taken'],
  'last-admin': [409, 'The last admin cannot be removed'],
  'product-exists': [409, 'There is a product with this id already'],
  'insufficient-stock': [409, 'Not enough in stock'],
  'not-cancellable': [409, 'This purchase cannot be cancelled'],
  'precondition-failed': [412, 'The resource has changed'],
  'payload-too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'The body must be JSON'],
  'validation-failed': [422, 'The request is not valid'],
  'unknown-product': [422, 'There is no such product'],
  'idempotency-key-reused': [422, 'This Idempotency-Key belongs to another request'],
  'rate-limited': [429, 'Too many requests'],
  'internal-error': [500, 'Something went wrong on our side'],
  'temporarily-unavailable': [503, 'Temporarily unavailable'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

/** A code of {@link problems}. */
export type ProblemCode = keyof typeof problems;
