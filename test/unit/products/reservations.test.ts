/** Giving stock back while other requests change the same reservation. */
import { expect, test } from 'vitest';
import { deadlineIn, pause } from '../../../api/core/clock.ts';
import { Unavailable } from '../../../api/core/outcome.ts';
import type { RequestContext } from '../../../api/core/request.ts';
import { createReservationRules } from '../../../api/products/reservations.ts';
import type { Release, Reservations } from '../../../api/products/store-reservations.ts';

const context = () => ({ requestId: 'r', deadline: deadlineIn(200) }) as RequestContext;

/** The rules on a store whose releases end like this, one after the other; the last one repeats. */
function rulesOn(...results: (Release | 'conflict')[]) {
  let released = 0;
  const store = {
    releaseSource: async () => ({}),
    async release() {
      await pause(5);
      return results[Math.min(released++, results.length - 1)];
    },
  } as unknown as Reservations;
  return { ...createReservationRules(store), released: () => released };
}

test('a release that meets a change is tried again, from what is there now', async () => {
  const done = { status: 'released' } as unknown as Release;
  const rules = rulesOn('conflict', 'conflict', done);
  expect(await rules.release('p', [], context())).toBe(done);
  expect(rules.released()).toBe(3);
});

test('a release that meets a change every time is refused at the deadline', async () => {
  const rules = rulesOn('conflict');
  await expect(rules.release('p', [], context())).rejects.toBeInstanceOf(Unavailable);
});
