/** Parts of the document that many operations refer to. */
import { headerRefs } from './problems.ts';
import type { JsonSchema } from './schemas.ts';

const text = { type: 'string' } as const;

/** Request headers, by the name of their component. */
export const commonParameters: Readonly<Record<string, JsonSchema>> = {
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description:
      'A key of your choice, bare or quoted. Repeat the request with the same key and body within 24 hours: it happens once, and you get the first answer again. An empty key counts as none.',
    schema: { type: 'string', minLength: 1, maxLength: 257, pattern: '^[\\x20-\\x7e]+$' },
    example: '0192f0c1-7b1e-7cc0-9d5e-3f1a0e6b2c4d',
  },
  IfMatch: {
    name: 'If-Match',
    in: 'header',
    required: false,
    description:
      'The ETag of the version that you want to change, strong or weak (`W/"3"`, from a compressed answer). If the resource has changed since, the answer is 412 and nothing is changed (RFC 9110).',
    schema: text,
    example: '"3"',
  },
  IfNoneMatch: {
    name: 'If-None-Match',
    in: 'header',
    required: false,
    description:
      'The ETag of the version that you have. If it is still the current one, the answer is 304 without a body (RFC 9110).',
    schema: text,
    example: '"3"',
  },
  RequestId: {
    name: 'X-Request-Id',
    in: 'header',
    required: false,
    description:
      'Your own id for this request; it is in the answer and in every log line. An id of another form is replaced.',
    schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{8,64}$' },
  },
  ServerTiming: {
    name: 'X-Server-Timing',
    in: 'header',
    required: false,
    description: '`1` asks for `Server-Timing` in the answer.',
    schema: { type: 'string', const: '1' },
  },
};

/** Response headers, by name. `required` ones are on every such answer. */
export const commonHeaders: Readonly<Record<string, JsonSchema>> = {
  'X-Request-Id': header('The id of this request.', '0192f0c1-7b1e-7cc0-9d5e-3f1a0e6b2c4d', true),
  ETag: header('The version of the resource (RFC 9110), for If-Match and If-None-Match.', '"3"', true),
  Location: header('The address of what was created.', '/products/boots', true),
  Link: header('The next page, where there is one (RFC 8288).', '</products?cursor=QUJD>; rel="next"'),
  RateLimit: header('What is left of each limit, and the seconds until it is full again.', '"caller";r=1199;t=60'),
  'RateLimit-Policy': header('Each limit that applies: requests (q) in seconds (w).', '"caller";q=1200;w=60'),
  'Retry-After': {
    description: 'Seconds to wait before the request is repeated.',
    schema: { type: 'integer', minimum: 1 },
    example: 1,
  },
  'Idempotent-Replayed': {
    description: '`true`: the request happened before, and this is its stored answer.',
    schema: { type: 'string', const: 'true' },
  },
  'Server-Timing': header(
    'How long each step took in the service, in ms, for a client that sent `X-Server-Timing: 1` (W3C).',
    'auth;dur=0.4, limits;dur=0.8, input;dur=0.1, handler;dur=3.2, total;dur=4.6',
  ),
  Age: {
    description: 'How old an answer from the cache is, in seconds (RFC 9111).',
    schema: { type: 'integer', minimum: 0 },
    example: 1,
  },
  'Cache-Status': header('Whether the answer is from the cache of Nginx, and why (RFC 9211).', 'Nginx; hit'),
  'WWW-Authenticate': header('How to authenticate.', 'Bearer realm="shop"', true),
};

/** The answer to a conditional read. */
export const notModified: JsonSchema = {
  description: 'The client has this version already.',
  headers: headerRefs([
    'X-Request-Id',
    'ETag',
    'Link',
    'RateLimit',
    'RateLimit-Policy',
    'Server-Timing',
    'Age',
    'Cache-Status',
  ]),
};

function header(description: string, example: string, required = false): JsonSchema {
  return { description, required, schema: text, example };
}
