/** The OpenAPI document: valid by Redocly's rules, complete, and with examples that its own schemas accept. */
import { createConfig, lintFromString } from '@redocly/openapi-core';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { beforeAll, describe, expect, test } from 'vitest';
import { problems } from '../../api/core/problems.ts';
import { openApiDocument } from '../../api/openapi/document.ts';
import { declaredRoutes } from '../../api/openapi/tables.ts';
import { serviceNames } from '../../api/services.ts';

type Operation = { operationId: string; security: object[]; responses: Record<string, object>; parameters?: object[] };
type Document = {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { examples?: unknown[] }>; examples: Record<string, { value: object }> };
};

let document: Document;
beforeAll(async () => {
  document = openApiDocument(await declaredRoutes(serviceNames, 'USD'), '1.0.0') as Document;
});

test('Redocly finds no error and no warning', async () => {
  const config = await createConfig({ extends: ['recommended-strict'] });
  const source = JSON.stringify(document);
  const found = await lintFromString({ source, absoluteRef: '/openapi.json', config });
  expect(found.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer])).toEqual([]);
});

test('has every route of every service, and each operationId once', async () => {
  const routes = Object.entries(await declaredRoutes(serviceNames, 'USD')).flatMap(([service, table]) =>
    table.map(({ method, path }) => `${method} /${service}${path === '/' ? '' : path.replace(/:(\w+)/g, '{$1}')}`),
  );
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => ({ name: `${method} ${path}`, operationId })),
  );
  expect(routes.length).toBeGreaterThan(25);
  expect(operations.map(({ name }) => name)).toEqual(expect.arrayContaining(routes));
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
});

describe('examples', () => {
  const ajv = addFormats.default(new Ajv.default({ strict: false, allErrors: true }));

  test('every schema of a body has one, and accepts it', () => {
    ajv.addSchema({ $id: 'document', ...document });
    const schemas = Object.entries(document.components.schemas).filter(([name]) => name !== 'Problem');
    for (const [name, { examples }] of schemas) {
      expect([name, examples?.length]).toEqual([name, 1]);
      const isValid = ajv.validate({ $ref: `document#/components/schemas/${name}` }, examples?.[0]);
      expect([name, isValid, isValid ? null : ajv.errorsText()]).toEqual([name, true, null]);
    }
    for (const { value } of Object.values(document.components.examples)) {
      expect(ajv.validate({ $ref: 'document#/components/schemas/Problem' }, value)).toBe(true);
    }
  });

  test('every problem but that of an undocumented method is documented', () => {
    const codes = Object.keys(problems).filter((code) => code !== 'method-not-allowed');
    expect(Object.keys(document.components.examples).sort()).toEqual(codes.sort());
    const text = JSON.stringify(document.paths);
    const responses = JSON.stringify(document);
    for (const code of codes) expect([code, responses.includes(`/problems/${code}"`)]).toEqual([code, true]);
    expect(text).toContain('#/components/responses/');
  });
});

const cached = ['Age', 'Cache-Status'];
const open = [{}, { bearer: [] }];
const signedIn = [{ bearer: [] }];
test.each([
  ['get', '/products', open, '200', [...cached, 'ETag', 'Link']],
  ['get', '/products/{id}', open, '200', [...cached, 'ETag']],
  ['post', '/products', signedIn, '201', ['ETag', 'Location', 'Idempotent-Replayed']],
  ['delete', '/products/{id}', signedIn, '204', ['Idempotent-Replayed']],
  ['get', '/purchases', signedIn, '200', ['ETag', 'Link']],
  ['post', '/users/login', open, '200', []],
] as const)('%s %s: its security, and which headers its answer has', (method, path, security, status, headers) => {
  const operation = document.paths[path]?.[method];
  expect(operation?.security).toEqual(security);
  const answer = operation?.responses[status] as { headers: Record<string, object> } | undefined;
  const always = ['X-Request-Id', 'RateLimit', 'RateLimit-Policy', 'Server-Timing'];
  expect(Object.keys(answer?.headers ?? {}).sort()).toEqual([...always, ...headers].sort());
  expect('304' in (operation?.responses ?? {})).toBe(method === 'get');
});
