/** The faults that `npm run bench -- mutants` makes. */
import { expect, test } from 'vitest';
import { mutantsOf, withMutant } from '../mutants/mutate.ts';

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
