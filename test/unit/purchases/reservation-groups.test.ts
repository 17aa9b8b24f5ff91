/** Reservations that go to `products` in one call, with a made-up `products`: what is one call, and what happens when it fails. */
import { expect, test } from 'vitest';
import { reserveStock, reserveStockOfGroup } from '../../../api/contracts/calls.ts';
import { deadlineIn } from '../../../api/core/clock.ts';
import { newId } from '../../../api/core/ids.ts';
import { Unavailable } from '../../../api/core/outcome.ts';
import type { InternalClient } from '../../../api/http/client.ts';
import { createReserveInGroup, type ReservationInput } from '../../../api/purchases/reservation-groups.ts';

/** What was called, and how many reservations each call had. */
type Asked = { readonly path: string; readonly inputs: ReservationInput[]; readonly requestIds: string[] };

/** A `products` that reserves everything under an event id of its own, or does what `fail` says. */
function productsThat(fail: () => Error | undefined = () => undefined) {
  const asked: Asked[] = [];
  const client: Pick<InternalClient, 'call'> = {
    async call(call, input, requestId) {
      const isGroup = call.path === reserveStockOfGroup.path;
      const group = isGroup ? reserveStockOfGroup.input.parse(input).reservations : [];
      const inputs = isGroup ? group : [reserveStock.input.parse(input)];
      asked.push({ path: call.path, inputs, requestIds: isGroup ? group.map((each) => each.requestId) : [requestId] });
      const error = fail();
      if (error !== undefined) throw error;
      const answers = inputs.map(({ purchaseId }) => ({ result: 'reserved', eventId: purchaseId, at: 1, items: [] }));
      return call.output.parse(isGroup ? { answers } : answers[0]);
    },
  };
  return { client, asked };
}

const wanted = (items = 1): ReservationInput => ({
  purchaseId: newId(),
  items: Array.from({ length: items }, (_, i) => ({ productId: `mug-${i}`, quantity: 1 })),
});

test('reservations of one turn are one call, each with its own request id and its own answer', async () => {
  const { client, asked } = productsThat();
  const reserve = createReserveInGroup(client);
  const inputs = [wanted(), wanted(2), wanted()];
  const answers = await Promise.all(inputs.map((input, i) => reserve(input, `request-${i}`, deadlineIn(1000))));
  expect(asked.map(({ path }) => path)).toEqual([reserveStockOfGroup.path]);
  expect(asked[0]?.requestIds).toEqual(['request-0', 'request-1', 'request-2']);
  expect(answers).toMatchObject(inputs.map(({ purchaseId }) => ({ eventId: purchaseId })));
});

test('the only reservation of a turn is an ordinary call under its own request id', async () => {
  const { client, asked } = productsThat();
  const reserve = createReserveInGroup(client);
  const input = wanted();
  await reserve(input, 'request-1', deadlineIn(1000));
  await reserve(input, 'request-2', deadlineIn(1000));
  expect(asked.map(({ path, requestIds }) => [path, ...requestIds])).toEqual([
    [reserveStock.path, 'request-1'],
    [reserveStock.path, 'request-2'],
  ]);
});

test.each([
  ['too many purchases', 70, 1, 3],
  ['too many items', 6, 100, 3],
])('a call is bounded: %s', async (_what, purchases, items, calls) => {
  const { client, asked } = productsThat();
  const reserve = createReserveInGroup(client);
  const inputs = Array.from({ length: purchases }, () => wanted(items));
  await Promise.all(inputs.map((input) => reserve(input, newId(), deadlineIn(1000))));
  expect(asked).toHaveLength(calls);
  expect(asked.flatMap((call) => call.inputs.map(({ purchaseId }) => purchaseId))).toEqual(
    inputs.map(({ purchaseId }) => purchaseId),
  );
});

test.each([
  ['the outage of products', new Unavailable('gone')],
  ['a bug', new TypeError('a bug')],
])('a group that fails by %s is Unavailable to each, so that each asks again alone', async (_what, error) => {
  const { client } = productsThat(() => error);
  const reserve = createReserveInGroup(client);
  const results = await Promise.allSettled(
    [wanted(), wanted()].map((each) => reserve(each, newId(), deadlineIn(1000))),
  );
  for (const result of results) expect(result).toMatchObject({ status: 'rejected', reason: expect.any(Unavailable) });
});
