/** What explains the API, as any service serves it: the OpenAPI document and the pages about problems. */
import express from 'express';
import supertest from 'supertest';
import { expect, test } from 'vitest';
import { problems } from '../../../api/core/problems.ts';
import { documentationRoutes } from '../../../api/openapi/documentation.ts';
import { problemTexts } from '../../../api/openapi/problem-texts.ts';
import { serviceNames } from '../../../api/services.ts';

const request = supertest(
  express()
    .set('etag', false)
    .use(documentationRoutes(serviceNames, 'EUR', '1.2.3')),
);

test('the document has the shop’s version and currency, an ETag, and 304 for it', async () => {
  const answer = await request.get('/openapi.json');
  expect([answer.status, answer.body.openapi, answer.body.info.version]).toEqual([200, '3.1.0', '1.2.3']);
  expect(answer.body.components.schemas.NewProduct.properties.price.properties.currency.const).toBe('EUR');
  expect(answer.headers['cache-control']).toBe('public, max-age=300');
  const again = await request.get('/openapi.json').set('If-None-Match', answer.headers.etag ?? '');
  expect([again.status, again.text]).toEqual([304, '']);
});

test('a parameter in the path is required, a filter of a list is not', async () => {
  const { paths } = (await request.get('/openapi.json')).body;
  const requiredOf = ({ parameters }: { parameters: { name: string; required?: boolean }[] }, name: string) =>
    parameters.find((parameter) => parameter.name === name)?.required;
  expect(requiredOf(paths['/products/{id}'].get, 'id')).toBe(true);
  expect(requiredOf(paths['/products'].get, 'category')).toBe(false);
});

test('a list names the Link to its next page, a single product does not', async () => {
  const { paths } = (await request.get('/openapi.json')).body;
  expect(Object.keys(paths['/products'].get.responses[200].headers)).toContain('Link');
  expect(Object.keys(paths['/products/{id}'].get.responses[200].headers)).not.toContain('Link');
});

test('every problem has a page that says what it means and what to do', async () => {
  for (const code of Object.keys(problems) as (keyof typeof problems)[]) {
    const page = await request.get(`/problems/${code}`);
    expect([code, page.status, page.type]).toEqual([code, 200, 'text/html']);
    for (const text of [problems[code][1], 'What it means', 'What to do', 'name="viewport"']) {
      expect(page.text).toContain(text);
    }
    const { body } = await request.get(`/problems/${code}`).set('Accept', 'application/json');
    expect(body).toMatchObject({ type: `/problems/${code}`, status: problems[code][0], ...meaningOf(code) });
    expect(body.example).toMatchObject({ type: `/problems/${code}`, status: problems[code][0] });
  }
});

function meaningOf(code: keyof typeof problems) {
  const { meaning, action } = problemTexts[code];
  return { meaning, action };
}

test('a page runs no script and loads nothing', async () => {
  const { headers, text } = await request.get('/problems/rate-limited');
  expect(headers['content-security-policy']).toMatch(/^default-src 'none';style-src 'sha256-[^']+';base-uri 'none'/);
  expect(headers.vary).toBe('Accept');
  expect(text).not.toMatch(/<script|src=|<link|style="|\son\w+="/);
  expect(text).toContain('color-scheme:light dark');
});

test('/docs may load what the shop serves, and nothing else', async () => {
  const { status, headers } = await request.get('/docs');
  expect([status, headers['content-security-policy']]).toEqual([200, expect.stringContaining("default-src 'none'")]);
});

test('no file of /docs refers to a source map, which is not served', async () => {
  for (const file of ['swagger-ui.css', 'page.css', 'page.js', 'swagger-ui-bundle.js']) {
    const { status, text } = await request.get(`/docs/${file}`).buffer(true);
    expect([file, status, text.includes('sourceMappingURL=')]).toEqual([file, 200, false]);
  }
});

test('the list links to every problem; an unknown one is a 404', async () => {
  const { text } = await request.get('/problems');
  for (const code of Object.keys(problems)) expect(text).toContain(`href="/problems/${code}"`);
  const unknown = await request.get('/problems/nothing').buffer(true);
  expect([unknown.status, unknown.type]).toEqual([404, 'application/problem+json']);
  const wrong = await request.post('/problems');
  expect([wrong.status, wrong.headers.allow]).toEqual([405, 'GET, HEAD, OPTIONS']);
});

test('a request of the collection checks the members that the document requires', async () => {
  type Item = { name: string; event: [{ script: { exec: string[] } }] };
  const { body } = await request.get('/postman.json');
  const items: Item[] = body.item.flatMap((folder: { item: Item[] }) => folder.item);
  const buy = items.find(({ name }) => name === 'Buy two')?.event[0].script.exec.join('\n');
  expect(buy).toMatch(/include\.all\.keys\(\[.*"total".*\]\)/);
});

test('each request of the collection carries the token of the caller who may make it', async () => {
  type Item = { name: string; request: { auth: { type: string; bearer?: [{ value: string }] } } };
  const { body } = await request.get('/postman.json');
  const items: Item[] = body.item.flatMap((folder: { item: Item[] }) => folder.item);
  const tokenFor = (name: string) => {
    const auth = items.find((item) => item.name === name)?.request.auth;
    return auth?.bearer?.[0].value ?? auth?.type;
  };
  expect(['Health', 'Buy two', 'Make a product'].map(tokenFor)).toEqual([
    'noauth',
    '{{accessToken}}',
    '{{adminToken}}',
  ]);
});
