/** What a replica keeps of the events of `users`: revocations and roles, until all tokens that they concern have expired. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { TokenClaims } from '../../../api/contracts/claims.ts';
import { accessTokenSeconds } from '../../../api/contracts/events.ts';
import { watchSessions } from '../../../api/http/sessions.ts';
import type { Followed, StreamEntry } from '../../../api/redis/follow.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] })); // time stands still unless a test moves it
afterEach(() => void vi.useRealTimers());

const keptMs = (accessTokenSeconds + 60) * 1000;
const claims: TokenClaims = { userId: 'ann', sessionId: 'phone', role: 'customer' };

/** A view whose events the test sends; `size` counts what it keeps. */
function start() {
  let hear: (entry: StreamEntry) => void = () => undefined;
  let size = () => 0;
  const follow = <State>(following: {
    initial: () => State;
    apply: (state: State, entry: StreamEntry) => void;
  }): Followed<State> => {
    const state = following.initial();
    hear = (entry) => following.apply(state, entry);
    size = () => Object.values(state as Record<string, Map<string, unknown>>).reduce((sum, map) => sum + map.size, 0);
    return { state: () => state, ageMs: () => 0, close() {} };
  };
  const sessions = watchSessions({ follow, isIsolated: () => false }, () => expect.fail('asked users'));
  const happen = (type: string, data: object) => hear({ id: '1-1', fields: { type, data: JSON.stringify(data) } });
  return {
    sessions,
    size: () => size(),
    end: (...sessionIds: string[]) => happen('session.ended', { userId: 'ann', sessionIds }),
    remove: (userId: string) => happen('user.deleted', { userId }),
    setRole: (userId: string, role: string) => happen('user.role-changed', { userId, role }),
    happen,
  };
}

test('an ended sign-in, a deleted user and a changed role are known; other events change nothing', () => {
  const { sessions, end, remove, setRole, happen, size } = start();
  happen('user.created', { userId: 'ann', role: 'customer' });
  happen('user.password-changed', { userId: 'ann' });
  expect([size(), sessions.known(claims)]).toEqual([0, { state: 'active', role: 'customer' }]);
  setRole('ann', 'admin');
  expect(sessions.known(claims)).toEqual({ state: 'active', role: 'admin' });
  end('tablet', 'phone');
  expect(sessions.known(claims)).toEqual({ state: 'ended' });
  expect(sessions.known({ ...claims, sessionId: 'laptop' })).toEqual({ state: 'active', role: 'admin' });
  remove('ann');
  expect(sessions.known({ ...claims, sessionId: 'laptop' })).toEqual({ state: 'ended' });
  expect(sessions.known({ ...claims, userId: 'bob', sessionId: 'x' })).toEqual({ state: 'active', role: 'customer' });
});

test('each is kept until the tokens from before it have expired, counted from its last event', () => {
  const { end, remove, setRole, size, sessions } = start();
  end('phone');
  remove('bob');
  setRole('ann', 'admin');
  setRole('zoe', 'admin');
  vi.advanceTimersByTime(1000);
  end('laptop');
  remove('eve');
  setRole('eve', 'admin');
  setRole('ann', 'customer'); // again: it is the youngest now
  vi.advanceTimersByTime(keptMs - 500);
  end('watch');
  // The first sign-in, the first deleted user and the role of zoe are gone, and no entry that is younger.
  expect(size()).toBe(2 + 1 + 2);
  expect(sessions.known(claims)).toEqual({ state: 'active', role: 'customer' });
  expect(sessions.known({ ...claims, sessionId: 'laptop' })).toEqual({ state: 'ended' });
  vi.advanceTimersByTime(1000);
  end('ring');
  expect(size()).toBe(2);
});
