/** What the checks of access tokens and of internal credentials share. */
import { expect, test } from 'vitest';
import { remember } from '../../../api/http/jwt.ts';

test('of more entries than are remembered the oldest makes room', () => {
  const map = new Map<string, number>();
  for (const [i, key] of ['a', 'b', 'c', 'd'].entries()) remember(map, key, i, 3);
  expect([...map]).toEqual([
    ['b', 1],
    ['c', 2],
    ['d', 3],
  ]);
});
