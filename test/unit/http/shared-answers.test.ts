/** Answers that Nginx may keep: which ones, and the ages that they name beforehand. */
import { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { agesOf, markAsShared } from '../../../api/http/shared-answers.ts';

/** The age that Nginx finds: of the longest beginning of the second that is in the list (nginx/cache.conf). */
function ageAt(ages: string, second: number): number | undefined {
  const known = new Map(ages.split(',').map((entry) => entry.split('=') as [string, string]));
  for (let digits = String(second); digits !== ''; digits = digits.slice(0, -1)) {
    const age = known.get(digits);
    if (age !== undefined) return Number(age);
  }
  return undefined;
}

test.each([1_763_740_000, 1_763_740_009, 1_763_799_999])(
  'an answer of %i is as old as it says: exactly, then at most',
  (second) => {
    const ages = agesOf(second);
    for (let age = 0; age <= 10; age++) expect(ageAt(ages, second + age)).toBe(age);
    for (let age = 11; age < 100_000; age += 97) {
      const said = ageAt(ages, second + age) ?? Number.NaN;
      expect(said).toBeGreaterThanOrEqual(age);
      expect(said).toBeLessThanOrEqual(2 * age + 10);
    }
  },
);

test.each([
  ['x', 32 * 1024],
  ['ü', 16 * 1024],
  ['€', 10_922],
  ['😀', 8 * 1024],
])('of %s an answer has %i at most: 32 kB', (character, most) => {
  const isKept = (length: number) => {
    const res = new ServerResponse({ method: 'GET' } as never);
    markAsShared(res as never, character.repeat(length));
    return res.hasHeader('X-Accel-Expires');
  };
  expect([isKept(most), isKept(most + 1)]).toEqual([true, false]);
});
