/** Whether an answer is one that the OpenAPI document promises: a status, problem, header or field that it does not have is a fault. */
import Ajv, { type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { openApiDocument } from '../../api/openapi/document.ts';
import { declaredRoutes } from '../../api/openapi/tables.ts';
import { serviceNames } from '../../api/services.ts';

// biome-ignore lint/suspicious/noExplicitAny: a parsed JSON document
type Json = any;

/** Headers that are part of the API: each must be declared where it is sent. */
const apiHeaders = [
  ...['ETag', 'Location', 'Link', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'Idempotent-Replayed'],
  ...['Server-Timing', 'Age', 'Cache-Status'],
];
const requiredHeaders = ['X-Request-Id', 'ETag', 'Location', 'WWW-Authenticate'];

const document: Json = closed(openApiDocument(await declaredRoutes(serviceNames, 'USD'), 'test'));
const ajv = addFormats.default(new Ajv.default({ strict: false, allErrors: true }));
ajv.addSchema({ $id: 'document', ...document });
const validators = new Map<string, ValidateFunction>();

/** An answer, as a server sends it or a client gets it. */
export type Exchange = {
  readonly method: string;
  /** As the client wrote it: path and query. */
  readonly url: string;
  readonly status: number;
  /** @param name in any letter case @returns null without such a header */
  readonly header: (name: string) => string | null;
  readonly body: string;
};

/** What is wrong with the answer by the document; `undefined`: nothing. Inner addresses are not in the document. */
export function faultOfAnswer(exchange: Exchange): string | undefined {
  const { url, status, header, body } = exchange;
  const path = url.split('?')[0] ?? '';
  if (/^\/(internal|authorize|livez|readyz|metrics|status)(\/|$)/.test(path)) return undefined;
  const methods = methodsAt(path);
  const method = exchange.method === 'HEAD' ? 'get' : exchange.method.toLowerCase();
  const operation = methods.find((each) => method in each.operations);
  // `GET /users/login` looks like `GET /users/{id}`, but the literal path comes first.
  const isWrongMethod = status === 405 && methods[0] !== operation;
  if (operation === undefined || isWrongMethod) return faultOfUndeclared(exchange);
  const declared = resolve(operation.operations[method].responses[status]);
  if (declared === undefined) return `the status is not declared: ${body}`;
  for (const name of apiHeaders) {
    if (header(name) !== null && !(name in declared.headers)) return `the header ${name} is not declared`;
  }
  for (const name of requiredHeaders) {
    if (name in declared.headers && header(name) === null) return `the header ${name} is missing`;
  }
  if (exchange.method === 'HEAD' || status === 304) return undefined;
  return faultOfBody(`${operation.path} ${method} ${status}`, declared, header('Content-Type') ?? '', body);
}

/** What an address or method that the document does not have may answer. */
function faultOfUndeclared({ method, status, header, body }: Exchange): string | undefined {
  if (method === 'OPTIONS' && status === 204 && header('Allow') !== null) return undefined;
  if (![400, 404, 405, 413, 503].includes(status)) return `nothing is declared here: ${body}`;
  if (status === 405 && header('Allow') === null) return 'the header Allow is missing';
  if (method === 'HEAD') return undefined;
  const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  return faultOfBody('undeclared', { content }, header('Content-Type') ?? '', body);
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
