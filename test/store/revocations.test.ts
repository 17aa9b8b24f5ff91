/**
 * The view of revocations that every replica of every service keeps, over failovers and wrong clocks. Real Redis nodes, moved by hand;
 * the test says what the Sentinels would say.
 */
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { TokenClaims } from '../../api/contracts/claims.ts';
import { eventStream } from '../../api/contracts/events.ts';
import { deadlineIn } from '../../api/core/clock.ts';
import { newId } from '../../api/core/ids.ts';
import { type Sessions, watchSessions } from '../../api/http/sessions.ts';
import { followStream } from '../../api/redis/follow.ts';
import { type MovedRedis, startMovedRedis } from '../support/moved-redis.ts';
import { openTestRedis, operator } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

const stream = eventStream('users');

function event(type: string, data: object): string[] {
  return ['type', type, 'at', String(Date.now()), 'request', newId(), 'data', JSON.stringify(data)];
}

function claimsOf(changes: Partial<TokenClaims> = {}): TokenClaims {
  return { userId: newId(), sessionId: newId(), role: 'customer', ...changes };
}

const sourceOf = ({
  reads,
  sentinels,
}: Pick<MovedRedis, 'reads' | 'sentinels'>): Parameters<typeof watchSessions>[0] => ({
  follow: (options) => followStream(options, reads, sentinels),
  isIsolated: () => false,
});

const refuseToAsk = () => Promise.reject(new Error('the view was too old, so users was asked'));

describe('over a failover', () => {
  let redis: MovedRedis;
  let sessions: Sessions;
  beforeEach(async () => {
    redis = await startMovedRedis();
    sessions = watchSessions(sourceOf(redis), refuseToAsk);
    await waitFor('the first view', () => sessions.current(claimsOf(), 'a-request', deadlineIn(1000)));
  }, 30_000);
  afterEach(async () => {
    sessions.close();
    await redis.close();
  });

  /** Node 1 becomes master; node 0 goes on with node 2 as its replica and does not know. */
  async function passOver() {
    await redis.node(1).replicaof('NO', 'ONE');
    redis.say(0, { flags: ['failover_in_progress'] });
  }

  /** All services hear of the new master. */
  async function finishFailover() {
    redis.say(1, { behind: [0] });
    await redis.follow(2, 1);
    await redis.follow(0, 1);
  }

  test('a role change that the failover takes back is never acted on', async () => {
    const claims = claimsOf();
    await passOver();
    await redis.node(0).xadd(stream, '*', ...event('user.role-changed', { userId: claims.userId, role: 'admin' }));
    await redis.node(0).wait(1, 5000);
    // What only the old master's side has is not shown, so the view gets old until the failover is known.
    await waitFor('the view to be too old', async () => {
      const found = await sessions.current(claims, 'a-request', deadlineIn(50)).catch(() => undefined);
      if (found !== undefined) expect(found).toMatchObject({ role: 'customer' });
      return found === undefined;
    });
    expect(sessions.known(claims)).toEqual({ state: 'active', role: 'customer' });
    await finishFailover();
    expect(await sessions.current(claims, 'a-request', deadlineIn(3000))).toEqual({
      state: 'active',
      role: 'customer',
    });
  });

  test('a revocation on a new master whose clock is an hour behind is heard', async () => {
    const claims = claimsOf();
    const aheadMs = Date.now() + 3_600_000;
    await redis.node(0).xadd(stream, `${aheadMs}-0`, ...event('user.created', { userId: newId() }));
    await redis.node(0).wait(2, 5000);
    await waitFor('the view to include it', () => sessions.current(claims, 'a-request', deadlineIn(1000)));
    // The new master's history has no such entry: its ids begin an hour earlier.
    await redis.node(1).replicaof('NO', 'ONE');
    await redis.follow(2, 1);
    await redis.node(1).del(stream);
    await redis
      .node(1)
      .xadd(stream, '*', ...event('session.ended', { userId: newId(), sessionIds: [claims.sessionId] }));
    await finishFailover();
    await waitFor('the revocation', () => sessions.known(claims).state === 'ended');
  });

  test('a revocation from just before a master whose clock is an hour ahead is found by a replica that starts after it', async () => {
    const claims = claimsOf();
    await redis
      .node(0)
      .xadd(stream, '*', ...event('session.ended', { userId: newId(), sessionIds: [claims.sessionId] }));
    await redis.node(0).xadd(stream, `${Date.now() + 3_600_000}-0`, ...event('user.created', { userId: newId() }));
    await redis.node(0).wait(2, 5000);
    const late = watchSessions(sourceOf(redis), refuseToAsk);
    expect(await late.current(claims, 'a-request', deadlineIn(3000))).toEqual({ state: 'ended' });
    late.close();
  });

  test('without a master the view stays current: nothing can be revoked then', async () => {
    await redis.nodes.shop.halt('redis-1');
    redis.say(0, { flags: ['s_down', 'o_down'] });
    const untilMs = performance.now() + 1300; // a view gets too old after 1 s
    while (performance.now() < untilMs) {
      expect(await sessions.current(claimsOf(), 'a-request', deadlineIn(1000))).toMatchObject({ state: 'active' });
    }
  });
});

describe('with a wrong clock', () => {
  afterAll(() => void vi.useRealTimers());

  test.each([-3_600_000, 3_600_000])('of %i ms, a service hears every revocation', async (skewMs) => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + skewMs });
    const users = openTestRedis('users');
    const sessions = watchSessions(users, refuseToAsk);
    const master = await operator();
    const [before, after] = [claimsOf(), claimsOf()];
    await waitFor('the first view', () => sessions.current(before, 'a-request', deadlineIn(1000)));
    vi.useRealTimers();
    for (const { sessionId } of [before, after]) {
      await master.xadd(stream, '*', ...event('session.ended', { userId: newId(), sessionIds: [sessionId] }));
    }
    await waitFor('the revocation', () => sessions.known(after).state === 'ended');
    expect(sessions.known(before)).toEqual({ state: 'ended' });
    await master.quit();
    sessions.close();
    users.close();
  });
});
