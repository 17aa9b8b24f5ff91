/** The counting behind the limits: two replicas of a service on one real Redis. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { createCounters } from '../../api/http/limit-counters.ts';
import type { Charge, Policy } from '../../api/http/limit-policies.ts';
import { createShares } from '../../api/http/limit-shares.ts';
import type { ShopRedis } from '../../api/redis/open.ts';
import { openTestRedis, operator } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

let redis: ShopRedis;
let looker: Redis;
beforeAll(async () => {
  redis = openTestRedis('products');
  looker = await operator();
  await waitFor('a connection to the master', () => redis.scratch() !== undefined);
});
afterAll(() => {
  redis?.close();
  looker?.disconnect();
});

const noMaster = () => undefined;

function policyOf(quota: number, name = newId()): Policy {
  return { name, quota, windowSeconds: 60, stage: 'arrival', counting: 'exact', key: () => undefined };
}

/** How many of `count` requests at once are admitted, when each replica gets every second. */
async function admitted(count: number, replicas: readonly (() => Promise<boolean>)[]): Promise<number> {
  const results = await Promise.all(Array.from({ length: count }, (_, i) => replicas[i % replicas.length]?.()));
  return results.filter(Boolean).length;
}

describe('exact counting', () => {
  const charge = (policy: Policy, points = 1, key = 'someone'): Charge => ({ policy, key, points });
  const twoReplicas = () => [1, 2].map(() => createCounters('products', redis.scratch));

  test('admits exactly the quota over two replicas, however many ask at once', async () => {
    const policy = policyOf(30);
    const replicas = twoReplicas().map((counters) => async () => {
      const [count] = await counters.charge([charge(policy)]);
      return count?.isRefused === false;
    });
    expect(await admitted(100, replicas)).toBe(30);
  });

  test('counts under all limits or under none', async () => {
    const [counters] = twoReplicas();
    const [many, few] = [policyOf(100), policyOf(2)];
    for (let i = 0; i < 5; i++) await counters?.charge([charge(many), charge(few)]);
    const [, fresh] = twoReplicas();
    expect(await fresh?.charge([charge(many)])).toMatchObject([{ used: 3, isRefused: false }]);
  });

  test('a request that needs more points than are left leaves them to a smaller one', async () => {
    const [first, second] = twoReplicas();
    const policy = policyOf(10);
    expect(await first?.charge([charge(policy, 8)])).toMatchObject([{ used: 8, isRefused: false }]);
    expect(await first?.charge([charge(policy, 3)])).toMatchObject([{ used: 8, isRefused: true }]);
    expect(await second?.charge([charge(policy, 2)])).toMatchObject([{ used: 10, isRefused: false }]);
  });

  test('points that are given back can be used again, and a window that has ended gives none', async () => {
    const [first, second] = twoReplicas();
    const policy = policyOf(1);
    await first?.charge([charge(policy)]);
    await first?.giveBack([charge(policy)]);
    await first?.giveBack([charge(policy)]);
    expect(await second?.charge([charge(policy)])).toMatchObject([{ used: 1, isRefused: false }]);
  });

  test('a counter ends with its window', async () => {
    const [counters] = twoReplicas();
    const policy = policyOf(5);
    const [count] = (await counters?.charge([charge(policy)])) ?? [];
    expect(count?.resetMs).toBeGreaterThan(55_000);
    expect(await looker.pttl(`{products}:limit:${policy.name}:someone`)).toBeGreaterThan(55_000);
  });

  test('without a master a replica counts alone', async () => {
    const counters = createCounters('products', noMaster);
    const [one, other] = [policyOf(2), policyOf(5)];
    for (let i = 0; i < 2; i++) {
      expect(await counters.charge([charge(one), charge(other)])).toMatchObject([{ isRefused: false }, {}]);
    }
    expect(await counters.charge([charge(one), charge(other)])).toMatchObject([{ isRefused: true }, { used: 2 }]);
  });
});

describe('approximate counting', () => {
  const quota = 1200;
  const twoReplicas = (policy: Policy) => [1, 2].map(() => createShares('products', policy, redis.scratch));
  const asks = (replicas: readonly ReturnType<typeof createShares>[], key = 'someone') =>
    replicas.map((shares) => async () => !(await shares.charge(key, 1)).isRefused);

  test.each([
    ['at once', 4000],
    ['in bursts of 100', 100],
    ['in bursts of 7', 7],
  ])('admits the quota and at most a tenth more over two replicas: %s', async (_how, burst) => {
    const replicas = asks(twoReplicas(policyOf(quota)));
    let sum = 0;
    for (let sent = 0; sent < 2 * quota; sent += burst) sum += await admitted(burst, replicas);
    expect(sum).toBeGreaterThanOrEqual(quota);
    expect(sum).toBeLessThanOrEqual(1.1 * quota);
  });

  test('one caller does not use up the share of another', async () => {
    const replicas = twoReplicas(policyOf(quota));
    await admitted(2 * quota, asks(replicas, 'greedy'));
    expect(await admitted(10, asks(replicas, 'modest'))).toBe(10);
  });

  test('a caller with few requests causes no command, one with many a command for each thirty or so', async () => {
    const policy = policyOf(quota);
    const replicas = twoReplicas(policy);
    const key = (who: string) => `{products}:limit:${policy.name}:${who}`;
    await admitted(20, asks(replicas, 'modest'));
    for (const shares of replicas) await shares.reconcile();
    expect(await looker.exists(key('modest'))).toBe(0);
    await admitted(200, asks(replicas, 'busy'));
    expect(await looker.exists(key('busy'))).toBe(1);
    expect(await looker.pttl(key('busy'))).toBeLessThanOrEqual(60_000);
  });

  test('work that is added afterwards is refused at the next request, by both replicas', async () => {
    const [first, second] = twoReplicas(policyOf(100));
    first?.add('searcher', 250.5);
    expect(await first?.charge('searcher', 0)).toMatchObject({ isRefused: true });
    await first?.reconcile();
    second?.add('searcher', 2);
    await second?.reconcile();
    expect(await second?.charge('searcher', 0)).toMatchObject({ isRefused: true, used: 253 });
  });

  test('without a master a replica counts alone', async () => {
    expect(await admitted(2 * quota, asks([createShares('products', policyOf(quota), noMaster)]))).toBe(quota);
  });
});
