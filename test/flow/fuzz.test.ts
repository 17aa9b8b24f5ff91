/** A few hundred requests made from the OpenAPI document; `npm run fuzz` sends ten thousand. */
import { expect, inject, test } from 'vitest';
import { fuzz } from '../fuzz/run.ts';

test('requests good and broken: no 500, no hang, every answer as documented, and the stock is right', async () => {
  // The same requests in every run: a new fault comes from the change, and can be looked at again.
  const seed = 20261121;
  const { faults, requests } = await fuzz(inject('shop'), seed, 400);
  expect({ seed, faults }).toEqual({ seed, faults: [] });
  expect(requests).toBe(400);
}, 240_000);
