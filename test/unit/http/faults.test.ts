/** The texts of a 422: the name of a field, and what is wrong with it. */
import type { Request } from 'express';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { isRefusal } from '../../../api/core/outcome.ts';
import { faultsOf, parseInput } from '../../../api/http/parse.ts';
import type { Route } from '../../../api/http/route.ts';

const schema = z.strictObject({
  name: z.string().min(3),
  tags: z.array(z.string()).min(1).max(2),
  count: z.int().max(100),
  kind: z.enum(['x', 'y']),
});

function detailsOf(body: unknown): Record<string, string> {
  const { error } = schema.safeParse(body);
  if (error === undefined) return {};
  return Object.fromEntries(faultsOf(error, body).map(({ pointer, detail }) => [pointer, detail]));
}

test.each([
  [{}, { '#/name': 'is missing', '#/tags': 'is missing', '#/count': 'is missing', '#/kind': 'is missing' }],
  [
    { name: 'ab', tags: [], count: 101, kind: 'z', more: 1 },
    {
      '#/name': 'must have at least 3 characters',
      '#/tags': 'must not be empty',
      '#/count': 'must be at most 100',
      '#/kind': 'must be x or y',
      '#/more': 'is unknown',
    },
  ],
  [
    { name: 1, tags: ['a', 'b', 'c'], count: 1.5, kind: 'x' },
    { '#/name': 'must be a string', '#/tags': 'must have at most 2 items', '#/count': 'must be an integer' },
  ],
  [undefined, { '#': 'a JSON body is missing' }],
])('%j', (body, details) => {
  expect(detailsOf(body)).toEqual(details);
});

test('of thousands of unknown fields, a hundred are listed', () => {
  const names = Array.from({ length: 5000 }, (_, i) => `more-${i}`);
  const body = { name: 'abc', tags: ['a'], count: 1, ...Object.fromEntries(names.map((name) => [name, 1])) };
  expect(Object.keys(detailsOf(body))).toHaveLength(100);
  expect(Object.keys(detailsOf(body))).toContain('#/kind');
});

/** The faults of a request, by their pointers. */
function faultsIn(route: Partial<Route>, body: unknown, query: object = {}): unknown {
  const parsed = parseInput(route as Route, { params: {}, query } as unknown as Request, body);
  if (!isRefusal(parsed)) return parsed;
  const { errors } = parsed.extra as { errors: { pointer: string; detail: string }[] };
  return errors.map(({ pointer, detail }) => `${pointer} ${detail}`);
}

test('a fault of a text hides no other fault, and counts once at its place', () => {
  const query = z.strictObject({ limit: z.string().optional() });
  expect(faultsIn({ body: schema, query }, { name: '\0', count: 1, more: '\0' }, { limit: '\0', page: '1' })).toEqual([
    '#/more must not contain NUL',
    '#/name must not contain NUL',
    '?limit must not contain NUL',
    '?page is unknown',
    '#/tags is missing',
    '#/kind is missing',
  ]);
});

test('a parameter that is given twice has a text of its own, unless it is unknown', () => {
  const query = z.strictObject({ limit: z.string().optional(), inStock: z.literal('true').optional() });
  const twice = { limit: ['5', '6'], inStock: ['true', 'true'], page: ['1', '2'] };
  expect(faultsIn({ query }, undefined, twice)).toEqual([
    '?limit must be given once',
    '?inStock must be given once',
    '?page is unknown',
  ]);
});

test('a route without a body takes none or an empty object', () => {
  for (const body of [undefined, {}]) expect(faultsIn({}, body)).toMatchObject({ body: undefined });
  for (const body of [null, [], 'x']) expect(faultsIn({}, body)).toEqual(['# must be left out: this takes no body']);
  expect(faultsIn({}, { a: 1 })).toEqual(['#/a is unknown']);
});
