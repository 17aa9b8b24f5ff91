/** Holds every answer of a service in http tests to the OpenAPI document: a status, problem, header or field that it does not have fails the test. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import Ajv, { type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, afterEach, expect } from 'vitest';
import { openApiDocument } from '../../api/openapi/document.ts';
import { declaredRoutes } from '../../api/openapi/tables.ts';
import { serviceNames } from '../../api/services.ts';

// biome-ignore lint/suspicious/noExplicitAny: a parsed JSON document
type Json = any;

/** Headers that are part of the API: each must be declared where it is sent. */
const apiHeaders = ['ETag', 'Location', 'Link', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'Idempotent-Replayed'];
const requiredHeaders = ['X-Request-Id', 'ETag', 'Location', 'WWW-Authenticate'];

const document: Json = closed(openApiDocument(await declaredRoutes(serviceNames, 'USD'), 'test'));
const ajv = addFormats.default(new Ajv.default({ strict: false, allErrors: true }));
ajv.addSchema({ $id: 'document', ...document });
const validators = new Map<string, ValidateFunction>();
const faults: string[] = [];

for (const when of [afterEach, afterAll]) when(() => expect(faults.splice(0)).toEqual([]));

/** The same app; what it answers to clients' requests is checked before it is sent. */
export function documented(app: RequestListener): RequestListener {
  return (req, res) => {
    const chunks: Buffer[] = [];
    const { write, end } = res;
    const url = req.url ?? ''; // Express changes it
    const keep = (chunk: unknown) => {
      if (typeof chunk === 'string' || chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk as string));
    };
    res.write = ((...args: Parameters<typeof write>) => {
      keep(args[0]);
      return write.apply(res, args);
    }) as typeof write;
    res.end = ((...args: Parameters<typeof end>) => {
      keep(args[0]);
      const fault = faultOf(req, url, res, Buffer.concat(chunks).toString());
      if (fault !== undefined) faults.push(`${req.method} ${url} → ${res.statusCode}: ${fault}`);
      return end.apply(res, args);
    }) as typeof end;
    app(req, res);
  };
}

function faultOf(req: IncomingMessage, url: string, res: ServerResponse, body: string): string | undefined {
  const path = url.split('?')[0] ?? '';
  if (/^\/(internal|authorize|livez|readyz|metrics)(\/|$)/.test(path)) return undefined;
  const methods = methodsAt(path);
  const method = req.method === 'HEAD' ? 'get' : (req.method ?? '').toLowerCase();
  const operation = methods.find((each) => method in each.operations);
  // `GET /users/login` looks like `GET /users/{id}`, but the literal path comes first.
  const isWrongMethod = res.statusCode === 405 && methods[0] !== operation;
  if (operation === undefined || isWrongMethod) return faultOfUndeclared(req, res, body);
  const declared = resolve(operation.operations[method].responses[res.statusCode]);
  if (declared === undefined) return `the status is not declared: ${body}`;
  for (const name of apiHeaders) {
    if (res.hasHeader(name) && !(name in declared.headers)) return `the header ${name} is not declared`;
  }
  for (const name of requiredHeaders) {
    if (name in declared.headers && !res.hasHeader(name)) return `the header ${name} is missing`;
  }
  if (req.method === 'HEAD' || res.statusCode === 304) return undefined;
  return faultOfBody(
    `${operation.path} ${method} ${res.statusCode}`,
    declared,
    String(res.getHeader('Content-Type')),
    body,
  );
}

/** What an address or method that the document does not have may answer. */
function faultOfUndeclared(req: IncomingMessage, res: ServerResponse, body: string): string | undefined {
  if (req.method === 'OPTIONS' && res.statusCode === 204 && res.hasHeader('Allow')) return undefined;
  if (![400, 404, 405, 503].includes(res.statusCode)) return `nothing is declared here: ${body}`;
  const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  return faultOfBody('undeclared', { content }, String(res.getHeader('Content-Type')), body);
}

function faultOfBody(key: string, declared: Json, contentType: string, body: string): string | undefined {
  if (declared.content === undefined) return body === '' ? undefined : `no body is declared: ${body}`;
  const media = contentType.split(';')[0] ?? '';
  if (!(media in declared.content)) return `the type ${contentType} is not declared`;
  if (!media.endsWith('json')) return undefined;
  const name = `${key} ${media}`;
  const validate = validators.get(name) ?? ajv.compile(absolute(declared.content[media].schema));
  validators.set(name, validate);
  return validate(JSON.parse(body)) ? undefined : `${ajv.errorsText(validate.errors)}: ${body}`;
}

/** The paths of the document that an address matches, the most literal first. */
function methodsAt(path: string): { path: string; operations: Json }[] {
  const normal = path.replace(/(.)\/$/, '$1');
  return Object.entries<Json>(document.paths)
    .filter(([template]) =>
      new RegExp(`^${template.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`).test(normal),
    )
    .map(([template, operations]) => ({ path: template, operations }))
    .sort((a, b) => a.path.split('{').length - b.path.split('{').length);
}

function resolve(response: Json): Json {
  const name = response?.$ref?.split('/').at(-1);
  return name === undefined ? response : document.components.responses[name];
}

/** A schema whose references lead into the document. */
function absolute(schema: Json): Json {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"document#/components/'));
}

/** The document with every object closed that the document leaves open for later versions: today's answers have no further fields. */
function closed(node: Json): Json {
  if (Array.isArray(node)) return node.map(closed);
  if (typeof node !== 'object' || node === null) return node;
  const inner = Object.fromEntries(Object.entries(node).map(([name, value]) => [name, closed(value)]));
  const isOpen = inner.type === 'object' && inner.properties !== undefined && inner.additionalProperties === undefined;
  return isOpen ? { ...inner, additionalProperties: false } : inner;
}
