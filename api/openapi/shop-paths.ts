/** What is there besides the services' own routes, and answers the same whichever replica is asked. */
import { headerRefs, type ProblemResponses, problemResponses } from './problems.ts';
import type { JsonSchema } from './schemas.ts';

const code = { name: 'code', in: 'path', required: true, schema: { type: 'string' }, example: 'insufficient-stock' };
const file = { name: 'file', in: 'path', required: true, schema: { type: 'string' }, example: 'page.css' };
const failures = [
  'bad-request',
  'internal-error',
  'temporarily-unavailable',
  'rate-limited',
  'https-required',
] as const;

/** The paths. @param refusals components; gets those that it does not have yet */
export function shopPaths(refusals: ProblemResponses): Readonly<Record<string, JsonSchema>> {
  const get = (id: string, summary: string, content: JsonSchema, parameters: readonly JsonSchema[] = []) =>
    operation(id, summary, content, parameters, refusals);
  const text = (...of: Parameters<typeof get>) => ({ get: cached(get(...of)) });
  const index = json({ name: { type: 'string' }, links: { type: 'object' } });
  const health = json({ status: { const: 'ok' } });
  return {
    '/': { get: get('getIndex', 'Get links to the services and documents', index) },
    '/healthz': { get: fromNginxCache(get('getHealth', 'Check whether each service has a ready replica', health)) },
    '/docs': text('getDocs', 'Get the interactive API page', page),
    '/docs/{file}': text('getDocsFile', 'Get a file of the interactive API page', docsFile, [file]),
    '/asyncapi.json': text(
      'getEventDocument',
      'Get the AsyncAPI document of the events',
      openJson({ asyncapi: string }),
    ),
    '/postman.json': text('getCollection', 'Get the Postman collection', openJson({ item: objects })),
    '/postman-environment.json': text('getEnvironment', 'Get the Postman environment', openJson({ values: objects })),
    '/openapi.json': text('getDocument', 'Get this document', openJson({ openapi: string })),
    '/problems': text('listProblems', 'List all problem types', pageOrJson),
    '/problems/{code}': text('getProblem', 'Read what a problem means and what to do', pageOrJson, [code]),
  };
}

const string: JsonSchema = { type: 'string' };
const objects: JsonSchema = { type: 'array', items: { type: 'object' } };

/** Documents of other formats: the standards say what else is in them. */
function openJson(properties: Record<string, JsonSchema>): JsonSchema {
  return { 'application/json': { schema: { ...objectWith(properties), additionalProperties: true } } };
}

function objectWith(properties: Record<string, JsonSchema>): JsonSchema {
  return { type: 'object', required: Object.keys(properties), properties };
}

function json(properties: Record<string, JsonSchema>): JsonSchema {
  return { 'application/json': { schema: objectWith(properties) } };
}

const page: JsonSchema = { 'text/html': { schema: { type: 'string' } } };
const docsFile: JsonSchema = Object.fromEntries(
  ['text/css', 'text/javascript', 'image/png'].map((type) => [type, { schema: { type: 'string' } }]),
);
const pageOrJson: JsonSchema = {
  'text/html': { schema: { type: 'string' } },
  'application/json': { schema: { type: 'object' } },
};

function operation(
  operationId: string,
  summary: string,
  content: JsonSchema,
  parameters: readonly JsonSchema[],
  refusals: ProblemResponses,
) {
  return {
    operationId,
    tags: ['shop'],
    summary,
    security: [],
    parameters,
    responses: {
      200: {
        description: 'The document.',
        headers: headerRefs(['X-Request-Id']),
        content,
      },
      // Nginx and Express answer so to `If-None-Match: *`, also where there is no tag (RFC 9110 §13.1.2).
      304: { description: 'The client has this version already.', headers: headerRefs(['X-Request-Id']) },
      ...problemResponses(parameters.length === 0 ? failures : [...failures, 'not-found'], false, refusals),
    } as Record<string, JsonSchema>,
  };
}

/** With what Nginx says about its cache. */
function fromNginxCache(of: ReturnType<typeof operation>): JsonSchema {
  const headers = headerRefs(['X-Request-Id', 'Cache-Status']);
  const { 200: success, 304: notModified } = of.responses;
  return { ...of, responses: { ...of.responses, 200: { ...success, headers }, 304: { ...notModified, headers } } };
}

/** With an ETag, and 304 to a client that has it. */
function cached(of: ReturnType<typeof operation>): JsonSchema {
  const headers = headerRefs(['X-Request-Id', 'ETag', 'Server-Timing']);
  return {
    ...of,
    parameters: [...of.parameters, { $ref: '#/components/parameters/IfNoneMatch' }],
    responses: {
      ...of.responses,
      200: { ...of.responses[200], headers },
      304: { $ref: '#/components/responses/NotModified' },
    },
  };
}
