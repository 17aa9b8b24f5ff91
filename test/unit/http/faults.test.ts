/** The texts of a 422: the name of a field, and what is wrong with it. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { faultsOf } from '../../../api/http/parse.ts';

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
