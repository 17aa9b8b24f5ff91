/**
 * What one customer, and one address with as many new accounts as it may make, can add to Redis in a day within all limits: below 1 % of
 * `maxmemory`. Each route that grows the shop is called some times with the largest input it takes, on Redis nodes of its own; the memory of
 * one call times the calls of a day is what the route can add.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Grower, growersOut } from '../../api/contracts/growth.ts';
import { newId } from '../../api/core/ids.ts';
import { estimatedBytes } from '../../api/http/growth.ts';
import { infoField } from '../../api/redis/info.ts';
import { graceMarginMs, graceMs, maxSessions } from '../../api/users/keys.ts';
import { accessToken } from '../support/app.ts';
import { waitFor } from '../support/wait.ts';
import {
  customer,
  expectStatus,
  makeProducts,
  measurePurchases,
  measureUsers,
  type PerCall,
  quotas,
} from './growth-calls.ts';
import { type Bytes, fillLists, type GrowthShop, runAll, startGrowthShop } from './growth-shop.ts';
import { bearer } from './users-support.ts';

let shop: GrowthShop;
beforeAll(async () => {
  shop = await startGrowthShop();
});
afterAll(() => shop?.stop());

const maxMemoryBytes = 512 * 1024 * 1024;
/** How long events of `users` and those of the other streams are kept (prelude.lua). */
const eventMinutes = 70;
const purchaseEventMinutes = 10;
/** How long answers to refresh tokens are stored, in minutes: until another exchange deletes them. */
const rotationMinutes = (graceMs + graceMarginMs) / 60_000;
/** Counters of a user's limits of a day (purchases, items, other writes); those of a minute are gone by then. */
const countersBytes = 3 * 170;

/** Calls under a limit of a day, of which the events of the last minutes are stored. */
const inDay = (bytes: Bytes, perDay: number, perMinute: number) =>
  perDay * bytes.day + Math.min(perDay, perMinute * purchaseEventMinutes) * bytes.events;

/** The purchases and other writes that a user, or all new accounts of an address together, may make in a day. */
function dayOfWrites(bytes: PerCall): number {
  const most = (...calls: (keyof PerCall)[]) =>
    Math.max(...calls.map((call) => inDay(bytes[call], quotas.purchasesPerDay, quotas.writesPerMinute)));
  // A cancellation is one of the other writes.
  return most('purchase of 5 items', 'refused purchase of 5 unknown ids') + most('cancellation', 'change of names');
}

const refreshes = ({ refresh }: PerCall) => quotas.callsPerMinute * rotationMinutes * refresh.day;

/** What one customer can add in a day. */
function dayOfCustomer(bytes: PerCall): Record<string, number> {
  return {
    'purchases and other writes': dayOfWrites(bytes),
    'sign-ins': bytes['first sign-in'].day + maxSessions * bytes['sign-in'].day,
    'ended sign-ins': quotas.signInsPerMinute * eventMinutes * bytes['sign-in that ends the oldest'].events,
    refreshes: refreshes(bytes),
    counters: countersBytes,
  };
}

/** What one address can add in a day with the accounts that it makes: these share the limits of a day. */
function dayOfAddress(bytes: PerCall): Record<string, number> {
  const { signUpsPerDay, signInsPerDayOfNewAccounts, signInsPerMinuteOfAddress } = quotas;
  const ended = Math.min(signInsPerDayOfNewAccounts, signInsPerMinuteOfAddress * eventMinutes);
  const endedSignIns = ended * bytes['sign-in that ends the oldest'].events;
  return {
    'purchases and other writes': dayOfWrites(bytes),
    'sign-ups': signUpsPerDay * (bytes['sign-up'].day + bytes['sign-up'].events + bytes['first sign-in'].day),
    // Each is stored, or ends another one.
    'sign-ins': Math.max(signInsPerDayOfNewAccounts * bytes['sign-in'].day, endedSignIns),
    refreshes: refreshes(bytes),
    counters: signUpsPerDay * countersBytes,
  };
}

const sum = (parts: Record<string, number>) => Object.values(parts).reduce((total, part) => total + part, 0);

test('what one customer or address can add in a day within all limits stays below 1 % of maxmemory', async () => {
  const bytes: PerCall = { ...(await measurePurchases(shop)), ...(await measureUsers(shop)) };
  const [customer, address] = [dayOfCustomer(bytes), dayOfAddress(bytes)];
  const allowed = maxMemoryBytes / 100;
  console.table(bytes);
  console.table({ customer, address, together: { customer: sum(customer), address: sum(address), allowed } });
  expect(sum(customer)).toBeLessThan(allowed);
  expect(sum(address)).toBeLessThan(allowed);
  // What the status page shows is an estimate of the right size.
  const line = { productId: newId(), quantity: 2 };
  const { day, events } = bytes['purchase of 5 items'];
  const estimate = estimatedBytes('purchase', { items: Array(5).fill(line) });
  expect(estimate / (day + events)).toBeGreaterThan(0.5);
  expect(estimate / (day + events)).toBeLessThan(2);
  expect(estimate).toBeGreaterThan(estimatedBytes(undefined, { items: Array(5).fill(line) }));
}, 300_000);

test('a purchase of two items takes at most 1.5 kB of Redis for ever', async () => {
  const lines = await makeProducts(shop, 2);
  const { userId, buy } = customer(shop);
  await fillLists(shop.master, userId);
  /** What never ends, by kind of key; streams of events end. */
  const kept = async () => {
    const kinds = new Map<string, number>();
    for (const key of await shop.master.keys('{purchases}:*')) {
      if (key.endsWith(':events') || (await shop.master.pttl(key)) >= 0) continue;
      const kind = key.split(':').slice(1, 2).join();
      kinds.set(kind, (kinds.get(kind) ?? 0) + Number(await shop.master.memory('USAGE', key, 'SAMPLES', 0)) + 16);
    }
    return kinds;
  };
  const before = await kept();
  await runAll(30, 0, async () => expectStatus(201)(await buy(lines)));
  const each = [...(await kept())].map(
    ([kind, bytes]) => [kind, Math.round((bytes - (before.get(kind) ?? 0)) / 30)] as const,
  );
  console.table(Object.fromEntries(each));
  expect(each.reduce((total, [, bytes]) => total + bytes, 0)).toBeLessThan(1500);
});

test('an admin finds the users who added most today; a customer does not', async () => {
  const [line] = await makeProducts(shop, 1);
  if (line === undefined) throw new Error('no product');
  const [much, little] = [customer(shop), customer(shop)];
  for (let i = 0; i < 20; i++) expectStatus(201)(await much.buy([line]));
  expectStatus(201)(await little.buy([line]));
  const ask = (token?: string) => {
    const request = shop.purchases.request.get('/internal/purchases/growth');
    return token === undefined ? request : request.set('Authorization', bearer(token));
  };
  const data = await waitFor('both to be counted', async () => {
    const answer = await ask(accessToken({ role: 'admin' }));
    const found: Grower[] = growersOut.parse(answer.body).data;
    return [much, little].every(({ userId }) => found.some((each) => each.userId === userId)) ? found : undefined;
  });
  const bytesOfUser = (userId: string) => data.find((each) => each.userId === userId)?.bytes ?? 0;
  expect(bytesOfUser(much.userId)).toBe(20 * bytesOfUser(little.userId));
  expect(data.map(({ bytes }) => bytes)).toEqual(data.map(({ bytes }) => bytes).sort((a, b) => b - a));
  expect((await ask(accessToken())).status).toBe(403);
  expect((await ask()).status).toBe(401);
});

test('a full shop refuses what adds to it, but a repetition under its key finds its first answer', async () => {
  const [line] = await makeProducts(shop, 1);
  if (line === undefined) throw new Error('no product');
  const { buy } = customer(shop);
  const again = () => buy([line]).set('Idempotency-Key', 'before-it-was-full');
  const first = expectStatus(201)(await again());
  const used = Number(infoField(await shop.master.info('memory'), 'used_memory'));
  await shop.master.config('SET', 'maxmemory', Math.round(used * 1.1));
  try {
    await waitFor('the service to know that Redis is nearly full', () => !shop.purchases.redis.mayGrow());
    expect((await buy([line])).status).toBe(503);
    const repeated = await again();
    expect([repeated.status, repeated.body]).toEqual([201, first]);
    expect(repeated.headers['idempotent-replayed']).toBe('true');
  } finally {
    await shop.master.config('SET', 'maxmemory', maxMemoryBytes);
  }
});
