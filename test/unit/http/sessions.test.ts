/** What a replica does while its own view of revocations is too old: in a failover or an overload all requests with a token meet this at once. */
import { expect, test } from 'vitest';
import type { TokenClaims } from '../../../api/contracts/claims.ts';
import { deadlineIn, endOfTurn, monotonicMs, pause } from '../../../api/core/clock.ts';
import { Unavailable } from '../../../api/core/outcome.ts';
import { type SessionState, watchSessions } from '../../../api/http/sessions.ts';
import type { Followed } from '../../../api/redis/follow.ts';

const claims: TokenClaims = { userId: 'u', sessionId: 's', role: 'customer' };
const active: SessionState = { state: 'active', role: 'customer' };

function watch(ageMs: () => number, ask: () => Promise<SessionState>, isIsolated = () => false) {
  const follow = <State>({ initial }: { initial: () => State }): Followed<State> => {
    const state = initial();
    return { state: () => state, ageMs, close() {} };
  };
  return watchSessions({ follow, isIsolated }, ask);
}

test('50 requests of one sign-in ask users once', async () => {
  let asked = 0;
  const sessions = watch(
    () => Number.POSITIVE_INFINITY,
    async () => {
      asked += 1;
      await pause(50);
      await endOfTurn(); // on a busy machine the wait of some requests ends only now
      return active;
    },
  );
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => sessions.current(claims, 'a-request', deadlineIn(20_000))),
  );
  expect(answers).toEqual(Array.from({ length: 50 }, () => active));
  expect(asked).toBe(1);
  sessions.close();
});

test('users is asked about 32 sign-ins at the same time, and about the others afterwards', async () => {
  let asking = 0;
  let most = 0;
  const sessions = watch(
    () => Number.POSITIVE_INFINITY,
    async () => {
      most = Math.max(most, ++asking);
      await pause(50);
      asking -= 1;
      return active;
    },
  );
  const all = Array.from({ length: 100 }, (_, i) =>
    sessions.current({ ...claims, sessionId: `s${i}` }, 'a-request', deadlineIn(30_000)),
  );
  expect(await Promise.all(all)).toEqual(Array.from({ length: 100 }, () => active));
  expect(most).toBe(32);
  sessions.close();
});

test('when users refuses, it is asked again after a pause, not at once', async () => {
  const askedAtMs: number[] = [];
  const sessions = watch(
    () => Number.POSITIVE_INFINITY,
    async () => {
      askedAtMs.push(monotonicMs());
      throw new Error('503');
    },
  );
  const all = Array.from({ length: 20 }, () => sessions.current(claims, 'a-request', deadlineIn(3000)));
  await Promise.allSettled(all);
  expect(askedAtMs.length).toBeGreaterThan(1);
  for (const [i, atMs] of askedAtMs.slice(1).entries()) expect(atMs - (askedAtMs[i] ?? 0)).toBeGreaterThan(350);
  sessions.close();
});

test('an answer that was asked for more than a second before the request is not used for it', async () => {
  let asked = 0;
  const sessions = watch(
    () => Number.POSITIVE_INFINITY,
    async () => {
      asked += 1;
      if (asked === 1) await pause(2500);
      return asked === 1 ? active : { state: 'ended' };
    },
  );
  const first = sessions.current(claims, 'a-request', deadlineIn(20_000));
  await pause(1600);
  expect(await sessions.current(claims, 'a-request', deadlineIn(20_000))).toEqual({ state: 'ended' });
  await first;
  sessions.close();
});

test('all requests go on as soon as the view is current, and users is not asked if that is soon', async () => {
  let ageMs = Number.POSITIVE_INFINITY;
  let asked = 0;
  const sessions = watch(
    () => ageMs,
    () => {
      asked += 1;
      return new Promise(() => undefined);
    },
  );
  const all = Array.from({ length: 20 }, () => sessions.current(claims, 'a-request', deadlineIn(20_000)));
  ageMs = 0;
  expect(await Promise.all(all)).toEqual(Array.from({ length: 20 }, () => active));
  expect(asked).toBe(0);
  sessions.close();
});

test('a request that waits when the replica closes is refused at once, and keeps the process from nothing', async () => {
  const sessions = watch(
    () => Number.POSITIVE_INFINITY,
    () => new Promise(() => undefined),
  );
  const deadline = deadlineIn(4000);
  const waiting = sessions.current(claims, 'a-request', deadline);
  sessions.close();
  await expect(waiting).rejects.toThrow('not known in time');
  expect(monotonicMs()).toBeLessThan(deadline.atMs);
});

test.each([
  ['when the request comes', 0],
  ['while the request waits', 600],
])('a replica that hears no Sentinel %s refuses within a second, not at the deadline', async (_, afterMs) => {
  const startedMs = monotonicMs();
  const sessions = watch(
    () => Number.POSITIVE_INFINITY,
    async () => {
      throw new Error('503');
    },
    () => monotonicMs() - startedMs >= afterMs,
  );
  await expect(sessions.current(claims, 'a-request', deadlineIn(6000))).rejects.toBeInstanceOf(Unavailable);
  expect(monotonicMs() - startedMs).toBeLessThan(3000);
  sessions.close();
});
