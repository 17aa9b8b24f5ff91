/** The faults that `npm run bench -- mutants` makes. */
import { expect, test } from 'vitest';
import { mutantsOf, nearestTests, numbersOf, withMutant } from '../mutants/mutate.ts';

const afterOf = (file: string, line: string) => mutantsOf(file, line).map(({ after }) => after);

test.each([
  [
    'a.ts',
    '  if (a === b && c) return true;',
    [
      '  if (a !== b && c) return true;',
      '  if (a === b || c) return true;',
      '  if (a === b && c) return false;',
      '  if (!(a === b && c)) return true;',
    ],
  ],
  ['a.ts', '  return a ? b : c;', ['  return a ? c : b;']],
  ['a.ts', '  writes.close();', ['  ;']],
  ['a.lua', "redis.call('DEL', key) -- why", ['-- missing']],
  ['a.lua', 'if a == nil then', ['if a ~= nil then']],
])('%s: %s', (file, line, expected) => {
  expect(afterOf(file, line)).toEqual(expected);
});

test.each(['  // a && b', ' * a === b', "import { a } from 'b';", '  | { a: b } && c', "  throw new Error('a && b');"])(
  'no fault is made in %s',
  (line) => {
    expect(mutantsOf('a.ts', line)).toEqual([]);
  },
);

test('a fault changes its line alone', () => {
  const [mutant] = mutantsOf('a.ts', 'one();\ntwo;\n');
  expect(mutant === undefined ? '' : withMutant('one();\ntwo;\n', mutant)).toBe(';\ntwo;\n');
});

test('the tests that share most words with a source file are tried first', () => {
  const ofUsers = ['users', 'users-sessions', 'users-access', 'users-admin'];
  const named = ['limits', 'limits-writes', ...ofUsers, 'events', 'products', 'products-reservations'];
  const files = named.map((name) => `test/http/${name}.test.ts`);
  const nearest = (source: string, project = 'http') =>
    nearestTests(source, files, project).map((file) => file.slice('test/http/'.length, -'.test.ts'.length));
  expect(nearest('api/users/store-sessions.ts')).toEqual(['users-sessions', 'users', 'users-access']);
  expect(nearest('api/http/limit-shares.ts')).toEqual(['limits', 'limits-writes']);
  expect(nearest('api/users/lua/update.lua')).toEqual(['users', 'users-sessions', 'users-access']);
  expect(nearest('api/products/lua/reserve.lua')).toEqual(['products-reservations', 'products']);
  expect(nearest('api/main.ts')).toEqual([]);
  expect(nearest('api/users/store.ts', 'store')).toEqual([]);
});

test.each([
  ['5-', [5, 6, 99]],
  ['2,4-6', [2, 4, 5, 6]],
])('the choice %s of the sample', (choice, expected) => {
  expect([1, 2, 3, 4, 5, 6, 99].filter(numbersOf(choice))).toEqual(expected);
});
