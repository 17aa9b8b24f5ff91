/** A change of the API that breaks clients needs a line in the changelog; and what counts as such a change. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openApiDocument } from '../../api/openapi/document.ts';
import { declaredRoutes } from '../../api/openapi/tables.ts';
import { serviceNames } from '../../api/services.ts';
import { breaksBetween } from '../support/api-breaks.ts';

const released = JSON.parse(readFileSync('api/openapi/released.json', 'utf8'));
const changelog = readFileSync('CHANGELOG.md', 'utf8');
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const present = JSON.parse(JSON.stringify(openApiDocument(await declaredRoutes(serviceNames, 'USD'), version)));

test('what breaks clients of the last release is named in the changelog, by method and path', () => {
  const unreleased = changelog.split(/^## /m).find((section) => section.startsWith('Unreleased')) ?? '';
  const notes = unreleased.split('\n').filter((line) => line.startsWith('- **Breaking**'));
  const unnamed = breaksBetween(released, present).filter((each) => {
    const operation = each.slice(0, each.indexOf(':'));
    return !notes.some((note) => note.includes(`\`${operation}\``));
  });
  expect(unnamed).toEqual([]);
});

test('the version is that of the last release in the changelog, of which the document is kept', () => {
  const last = /^## (\d+\.\d+\.\d+) /m.exec(changelog)?.[1];
  expect([version, released.info.version]).toEqual([last, last]);
});

describe('a break is found', () => {
  // biome-ignore lint/suspicious/noExplicitAny: a parsed JSON document
  const change = (edit: (document: any) => void) => {
    const changed = structuredClone(present);
    edit(changed);
    return breaksBetween(present, changed);
  };

  test('not where nothing has changed, and not in what only adds', () => {
    expect(breaksBetween(present, present)).toEqual([]);
    const additions = change((document) => {
      document.components.schemas.Product.properties.colour = { type: 'string' };
      document.components.schemas.NewProduct.properties.colour = { type: 'string' };
      document.components.schemas.NewProduct.properties.name.maxLength = 500;
      document.paths['/gift-cards'] = { get: { operationId: 'listGiftCards', responses: {} } };
      document.paths['/products'].get.parameters.push({ name: 'colour', in: 'query', schema: { type: 'string' } });
    });
    expect(additions).toEqual([]);
  });

  test.each([
    ['a call that is gone', 'DELETE /users/me: is not there any more', (d) => delete d.paths['/users/me'].delete],
    [
      'an answer without a field',
      'GET /products/{id}: answer has no stock',
      (d) => delete d.components.schemas.Product.properties.stock,
    ],
    ['a field that may be left out', 'answer may lack stock', (d) => d.components.schemas.Product.required.splice(0)],
    [
      'a field of another type',
      'answer.stock is string',
      (d) => {
        d.components.schemas.Product.properties.stock.type = 'string';
      },
    ],
    [
      'a field that may be null',
      'answer.name may be null',
      (d) => {
        d.components.schemas.Product.properties.name = { anyOf: [{ type: 'string' }, { type: 'null' }] };
      },
    ],
    [
      'a request that needs more',
      'POST /products: body needs company',
      (d) => d.components.schemas.NewProduct.required.push('company'),
    ],
    [
      'a request that may not say something',
      'body takes no company',
      (d) => delete d.components.schemas.NewProduct.properties.company,
    ],
    [
      'a shorter text',
      'body.name has another maxLength',
      (d) => {
        d.components.schemas.NewProduct.properties.name.maxLength = 10;
      },
    ],
    [
      'a new limit',
      'has another maxLength',
      (d) => {
        d.components.schemas.Credentials.properties.password.maxLength = 10;
      },
    ],
    [
      'a value that is gone',
      'sort cannot be name',
      (d) => {
        const { schema } = d.paths['/products'].get.parameters.find((p: { name?: string }) => p.name === 'sort');
        schema.enum = schema.enum.filter((v: string) => v !== 'name');
      },
    ],
    [
      'a parameter that is gone',
      'takes no q any more',
      (d) => {
        d.paths['/products'].get.parameters = d.paths['/products'].get.parameters.filter(
          (p: { name?: string }) => p.name !== 'q',
        );
      },
    ],
    [
      'a header that is gone',
      'the answer has no header Link',
      (d) => delete d.paths['/products'].get.responses[200].headers.Link,
    ],
    [
      'a call that needs a token',
      'GET /products: needs a token',
      (d) => {
        d.paths['/products'].get.security = [{ bearer: [] }];
      },
    ],
    // biome-ignore lint/suspicious/noExplicitAny: a parsed JSON document
  ] as [string, string, (document: any) => unknown][])('in %s', (_title, expected, edit) => {
    expect(change(edit).join('\n')).toContain(expected);
  });
});
