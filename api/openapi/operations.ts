/** From a line of a route table to an operation of the document. */
import type { z } from 'zod';
import type { Route } from '../http/route.ts';
import { headerRefs, type ProblemResponses, problemResponses, problemsOf } from './problems.ts';
import type { JsonSchema, SchemaWriter } from './schemas.ts';

/** The path of a route as OpenAPI writes it: `/products/{id}/stock`. */
export function documentPath(service: string, route: Pick<Route, 'path'>): string {
  const path = route.path === '/' ? '' : route.path;
  return `/${service}${path.replace(/:(\w+)/g, '{$1}')}`;
}

/** Writes the operation. @throws when the route has no `operationId` */
export function operationOf(
  service: string,
  route: Route,
  schemas: SchemaWriter,
  refusals: ProblemResponses,
): JsonSchema {
  const { method, access, summary, body, operationId } = route;
  if (operationId === undefined) throw new Error(`no operationId: ${method} ${documentPath(service, route)}`);
  const { status } = route.response;
  const parameters = parametersOf(route, schemas);
  return {
    operationId,
    tags: [service],
    summary: firstSentence(summary),
    ...(firstSentence(summary) === summary.replace(/\.$/, '') ? {} : { description: summary }),
    security: securityOf(access),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': contentOf(schemas.write(body, 'input')) } } }),
    responses: {
      [status]: success(route, schemas),
      ...(method === 'get' ? { 304: { $ref: '#/components/responses/NotModified' } } : {}),
      ...problemResponses(problemsOf(route), true, refusals),
    },
  };
}

/** A route for anyone takes a token, too: its caller then sees their own last write. */
function securityOf(access: Route['access']): JsonSchema[] {
  return access === 'anyone' ? [{}, { bearer: [] }] : [{ bearer: [] }];
}

function firstSentence(text: string): string {
  return (text.split(/[.;] /)[0] ?? text).replace(/\.$/, '');
}

function parametersOf(route: Route, schemas: SchemaWriter): JsonSchema[] {
  const { method, problems = [], idempotent } = route;
  const headers = [
    ...(idempotent ? ['IdempotencyKey'] : []),
    ...(problems.includes('precondition-failed') ? ['IfMatch'] : []),
    ...(method === 'get' ? ['IfNoneMatch'] : []),
    'RequestId',
    'ServerTiming',
  ];
  return [
    ...parametersIn('path', route.params, schemas),
    ...parametersIn('query', route.query, schemas),
    ...headers.map((name) => ({ $ref: `#/components/parameters/${name}` })),
  ];
}

function parametersIn(place: 'path' | 'query', schema: z.ZodType | undefined, schemas: SchemaWriter): JsonSchema[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemas.write(schema, 'input') as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...each }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: each,
  }));
}

function success({ method, response, idempotent, public: isPublic }: Route, schemas: SchemaWriter): JsonSchema {
  const { status, body, etag } = response;
  const schema = body === undefined ? undefined : schemas.write(body, 'output');
  const names = [
    'X-Request-Id',
    'RateLimit',
    'RateLimit-Policy',
    'Server-Timing',
    ...(isPublic && method === 'get' ? ['Age', 'Cache-Status'] : []),
    ...(etag || method === 'get' ? ['ETag'] : []),
    ...(status === 201 ? ['Location'] : []),
    ...(isPage(body) ? ['Link'] : []),
    ...(idempotent ? ['Idempotent-Replayed'] : []),
  ];
  return {
    description: { 200: 'Done.', 201: 'Created.', 204: 'Done. The answer has no body.' }[status],
    headers: headerRefs(names),
    ...(schema === undefined ? {} : { content: { 'application/json': contentOf(schema) } }),
  };
}

/** Whether the body is a page of a list. */
function isPage(body: z.ZodType | undefined): boolean {
  return body !== undefined && 'shape' in body && typeof body.shape === 'object' && 'nextCursor' in (body.shape ?? {});
}

function contentOf(schema: JsonSchema): JsonSchema {
  return { schema };
}
