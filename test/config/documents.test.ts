/** What is made from the OpenAPI document and the schemas of events: the AsyncAPI document, the Postman collection, the client's types. */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { beforeAll, expect, test } from 'vitest';
import { events } from '../../api/contracts/events.ts';
import { asyncApiDocument } from '../../api/openapi/asyncapi.ts';
import { openApiDocument } from '../../api/openapi/document.ts';
import { postmanCollection } from '../../api/openapi/postman.ts';
import { folders } from '../../api/openapi/postman-steps.ts';
import { declaredRoutes } from '../../api/openapi/tables.ts';
import { serviceNames } from '../../api/services.ts';
import { clientTypes } from '../../ops/client/generate.ts';

type Document = ReturnType<typeof openApiDocument> & { paths: Record<string, Record<string, { operationId: string }>> };
let document: Document;
beforeAll(async () => {
  document = openApiDocument(await declaredRoutes(serviceNames, 'USD'), '') as Document;
});

test('the AsyncAPI document is valid by the schema of AsyncAPI 3.0, with every event explained', () => {
  const schema = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0-without-$id.json');
  const ajv = addFormats.default(new Ajv.default({ strict: false, allErrors: true }));
  const asyncApi = asyncApiDocument('1.0.0');
  expect([ajv.validate(schema, asyncApi), ajv.errors]).toEqual([true, null]);
  const { messages } = asyncApi.components as { messages: Record<string, { summary?: string; payload: object }> };
  const types = Object.values(events).flatMap((each) => Object.keys(each));
  expect(Object.keys(messages).sort()).toEqual(types.sort());
  for (const [type, { summary, payload }] of Object.entries(messages)) {
    expect([type, summary, payload]).toEqual([type, expect.any(String), expect.objectContaining({ type: 'object' })]);
  }
});

test('every event that a script writes has a schema, and no schema is without a script', () => {
  const written = serviceNames.flatMap((service) =>
    readdirSync(`api/${service}`, { recursive: true, encoding: 'utf8' }).flatMap((file) => {
      if (!file.endsWith('.lua')) return [];
      const text = readFileSync(`api/${service}/${file}`, 'utf8');
      // The type of an event is the first argument of a call, or the second behind the stream.
      return [...text.matchAll(/\b\w+\((?:stream, )?'([a-z]+\.[a-z-]+)'/g)].map((match) => `${service} ${match[1]}`);
    }),
  );
  const declared = Object.entries(events).flatMap(([service, types]) =>
    Object.keys(types).map((type) => `${service} ${type}`),
  );
  expect([...new Set(written)].sort()).toEqual(declared.sort());
});

test('the Postman collection has every call of the document', () => {
  const used = folders.flatMap(({ steps }) => steps.map(({ operation }) => operation));
  const all = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  );
  expect([...new Set(used)].sort()).toEqual(all.sort());
  expect(postmanCollection(document).item).toHaveLength(folders.length);
});

test('the types of the client are those of the document: npm run client makes them', async () => {
  expect(readFileSync('api/client/types.ts', 'utf8')).toBe(await clientTypes(document));
});
