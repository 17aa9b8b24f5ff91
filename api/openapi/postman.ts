/**
 * The Postman collection (format 2.1) and its environment, made from the OpenAPI document and the order in postman-steps.ts.
 * https://schema.postman.com/collection/json/v2.1.0/draft-07/collection.json
 */
import { folders, type Step } from './postman-steps.ts';
import type { JsonSchema } from './schemas.ts';

type Parameter = { name?: string; in?: string; $ref?: string };
type Response = { content?: Record<string, { schema: { $ref?: string; required?: string[] } }> };
type Operation = {
  operationId: string;
  description?: string;
  summary: string;
  parameters?: Parameter[];
  responses: Record<string, Response>;
};
type Document = {
  info: { version: string; description: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { required?: string[] }> };
};
type Found = { readonly method: string; readonly path: string; readonly operation: Operation };

/** Makes the collection. @throws when a step names an operation that the document does not have */
export function postmanCollection(openApi: JsonSchema): JsonSchema {
  const document = openApi as unknown as Document;
  const operations = new Map<string, Found>();
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      operations.set(operation.operationId, { method: method.toUpperCase(), path, operation });
    }
  }
  return {
    info: {
      name: 'Evergreen',
      version: document.info.version,
      description: `${document.info.description}\n\nSet adminEmail and adminPassword in the environment, then run the collection from top to bottom.`,
      schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json',
    },
    event: [script('prerequest', prepare)],
    item: folders.map(({ name, steps }) => ({
      name,
      item: steps.map((step) => {
        const found = operations.get(step.operation);
        if (found === undefined) throw new Error(`postman-steps.ts: there is no operation ${step.operation}`);
        return itemOf(step, found, document);
      }),
    })),
  };
}

/** The environment: where the shop is, who its admin is, and room for what a run saves. */
export function postmanEnvironment(): JsonSchema {
  const value = (key: string, content: string, type = 'default') => ({ key, value: content, type, enabled: true });
  return {
    name: 'Evergreen on this machine',
    values: [
      value('baseUrl', 'http://localhost:8080'),
      value('adminEmail', 'admin@example.com'),
      value('adminPassword', '', 'secret'),
      value('currency', 'USD'),
    ],
  };
}

/** Before each request: a new customer for each run, made at its first request. */
const prepare = [
  "if (!pm.environment.get('email') || pm.info.requestName === 'What there is') {",
  "  const run = pm.variables.replaceIn('{{$guid}}');",
  "  pm.environment.set('email', 'ann-' + run + '@example.com');",
  "  pm.environment.set('password', 'quiet rivers ' + run);",
  "  pm.environment.set('newPassword', 'seven harbours ' + run);",
  "  pm.environment.set('purchaseKey', run);",
  '}',
];

function itemOf(step: Step, { method, path, operation }: Found, document: Document): JsonSchema {
  const { parameters = {}, headers = {}, body } = step;
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => parameters[name] ?? `{{${name}}}`);
  const query = Object.entries(parameters).filter(([name]) => !path.includes(`{${name}}`));
  const isKeyed = operation.parameters?.some(({ $ref }) => $ref?.endsWith('/IdempotencyKey')) ?? false;
  const sent = {
    ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...(isKeyed ? { 'Idempotency-Key': '{{$guid}}' } : {}),
    ...headers,
  };
  const token = step.as === 'admin' ? '{{adminToken}}' : '{{accessToken}}';
  return {
    name: step.title,
    event: [script('test', testsOf(step, operation, document))],
    request: {
      method,
      description: operation.description ?? operation.summary,
      auth: step.as === undefined ? { type: 'noauth' } : { type: 'bearer', bearer: [{ key: 'token', value: token }] },
      header: Object.entries(sent).map(([key, value]) => ({ key, value })),
      url: {
        raw: `{{baseUrl}}${filled}${query.length === 0 ? '' : `?${query.map(([key, value]) => `${key}=${value}`).join('&')}`}`,
        host: ['{{baseUrl}}'],
        path: filled.split('/').slice(1),
        query: query.map(([key, value]) => ({ key, value })),
      },
      ...(body === undefined
        ? {}
        : { body: { mode: 'raw', raw: JSON.stringify(body, null, 2), options: { raw: { language: 'json' } } } }),
    },
  };
}

function testsOf({ save = {}, holds = {} }: Step, { responses }: Operation, document: Document): string[] {
  const [status, response] = Object.entries(responses).find(([code]) => code.startsWith('2')) ?? ['200', {}];
  const schema = response.content?.['application/json']?.schema;
  const required = schema?.required ?? document.components.schemas[schema?.$ref?.split('/').at(-1) ?? '']?.required;
  return [
    `pm.test('status ${status}', () => pm.response.to.have.status(${status}));`,
    ...(required === undefined
      ? []
      : [
          'const answer = pm.response.json();',
          `pm.test('has what the document requires', () => pm.expect(answer).to.include.all.keys(${JSON.stringify(required)}));`,
        ]),
    ...Object.entries(holds).map(
      ([name, condition]) => `pm.test('${name}', () => pm.expect(${condition}).to.equal(true));`,
    ),
    ...Object.entries(save).map(([name, where]) => `pm.environment.set('${name}', ${where});`),
  ];
}

function script(listen: 'prerequest' | 'test', exec: readonly string[]): JsonSchema {
  return { listen, script: { type: 'text/javascript', exec } };
}
