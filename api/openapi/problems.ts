/** Which problems an operation can answer with, and how they look in the document. */
import { type ProblemCode, problems } from '../core/problems.ts';
import type { Route } from '../http/route.ts';
import type { JsonSchema } from './schemas.ts';

/** Problems of any route: of the request itself, of limits, of outages. */
const anyRoute: readonly ProblemCode[] = [
  'bad-request',
  'https-required',
  'validation-failed',
  'rate-limited',
  'internal-error',
  'temporarily-unavailable',
];

/** All problems of a route: its own, and those that follow from its access, parameters, body and idempotency. */
export function problemsOf(route: Route): readonly ProblemCode[] {
  const { access, params, method, idempotent, problems: own = [] } = route;
  const codes: ProblemCode[] = [
    ...anyRoute,
    ...(access === 'anyone' ? [] : (['unauthenticated', 'session-ended'] as const)),
    ...(access === 'admin' ? (['forbidden'] as const) : []),
    ...(params === undefined ? [] : (['not-found'] as const)),
    ...(method === 'get' ? [] : (['payload-too-large', 'unsupported-media-type'] as const)),
    ...(idempotent ? (['idempotency-key-reused'] as const) : []),
    ...own,
  ];
  return [...new Set(codes)];
}

/** Responses that operations share, by the name of their component. */
export type ProblemResponses = Record<string, JsonSchema>;

/**
 * The responses of problems, by status, as references.
 * @param components gets those that it does not have yet
 */
export function problemResponses(
  codes: readonly ProblemCode[],
  isLimited: boolean,
  components: ProblemResponses,
): Record<string, JsonSchema> {
  const statuses = [...new Set(codes.map((code) => problems[code][0]))].sort((a, b) => a - b);
  return Object.fromEntries(
    statuses.map((status) => {
      const own = codes.filter((code) => problems[code][0] === status).sort();
      const name = own.join('-or-') + (isLimited ? '' : '-unlimited');
      components[name] ??= problemResponse(own, status, isLimited);
      return [status, { $ref: `#/components/responses/${name}` }];
    }),
  );
}

function problemResponse(codes: readonly ProblemCode[], status: number, isLimited: boolean): JsonSchema {
  const types = codes.map((code) => `/problems/${code}`);
  const names = [
    'X-Request-Id',
    'Server-Timing',
    ...(status === 401 ? ['WWW-Authenticate'] : []),
    ...(status === 429 || status === 503 ? ['Retry-After'] : []),
    ...(isLimited ? ['RateLimit', 'RateLimit-Policy'] : []),
    ...(status === 503 && !isLimited ? ['Cache-Status'] : []), // of /healthz
    ...(status === 409 || status === 422 || status === 404 ? ['Idempotent-Replayed'] : []),
  ];
  return {
    description: codes.map((code) => `[${problems[code][1]}](/problems/${code})`).join('; or: '),
    headers: headerRefs(names),
    content: {
      'application/problem+json': {
        schema: { allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { type: { enum: types } } }] },
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
  };
}

/** References to headers of the components, by name. */
export function headerRefs(names: readonly string[]): Record<string, JsonSchema> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** The schema of every problem document (RFC 9457). A code may add fields of its own. */
export const problemSchema: JsonSchema = {
  type: 'object',
  description: 'RFC 9457. `type` says which problem it is and leads to a page about it.',
  required: ['type', 'title', 'status', 'detail', 'requestId'],
  properties: {
    type: { type: 'string', enum: Object.keys(problems).map((code) => `/problems/${code}`) },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What is wrong with this request.' },
    requestId: { type: 'string', description: 'The same as in `X-Request-Id`.' },
    errors: {
      type: 'array',
      description: 'Of `validation-failed`: every fault.',
      items: {
        type: 'object',
        required: ['pointer', 'detail'],
        properties: {
          pointer: { type: 'string', description: '`#/items/0/quantity` in the body, `?name` in the query.' },
          detail: { type: 'string' },
        },
      },
    },
  },
  additionalProperties: true,
};
