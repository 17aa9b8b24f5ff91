/** Which access tokens are revoked: every replica of every service follows the event stream of `users` and knows within a second. */
import type { TokenClaims } from '../contracts/claims.ts';
import { accessTokenSeconds, eventStream, userEvents } from '../contracts/events.ts';
import { type Deadline, monotonicMs, pause, remainingMs, within } from '../core/clock.ts';
import { Unavailable } from '../core/outcome.ts';
import type { Role } from '../core/request.ts';
import type { StreamEntry } from '../redis/follow.ts';
import type { ShopRedis } from '../redis/open.ts';

/** Whether a sign-in is active, and with which role now. */
export type SessionState = { readonly state: 'active'; readonly role: Role } | { readonly state: 'ended' };

/** See {@link watchSessions}. */
export type Sessions = {
  /** What this replica knows of the token's sign-in, however old that is. */
  known(claims: TokenClaims): SessionState;
  /**
   * The state of the token's sign-in, at most a second old. Asks `users`, under the request's id, when our own view stays older.
   * @throws Unavailable when neither can be had before the deadline, and at once on a replica that hears no Sentinel
   */
  current(claims: TokenClaims, requestId: string, deadline: Deadline): Promise<SessionState>;
  close(): void;
};

const maxAgeMs = 1000;
const pollIntervalMs = 20;
/** How long to wait for our own view before `users` is asked as well. */
const askAfterMs = 400;
/** How long after a refusal `users` is asked about the same sign-in again. */
const askAgainMs = 400;
/** About how many sign-ins `users` is asked at the same time. The others wait; our own view usually is current before that matters. */
const maxAsks = 32;
/** Tokens that were issued before a revocation have expired after this time. */
const keptMs = (accessTokenSeconds + 60) * 1000;
/**
 * How far to go back in the stream at the start. The ids of its entries are times of the node that was master. Where a node with a clock
 * an hour ahead became master, a revocation of this minute seems an hour old.
 */
const historyMs = keptMs + 3_600_000;

/** Revocations by session and by user, and changed roles, each with the monotonic time at which it arrived here. */
type Revocations = {
  readonly ended: Map<string, number>;
  readonly deleted: Map<string, number>;
  readonly roles: Map<string, { readonly role: Role; readonly arrivedMs: number }>;
};

/** Follows the stream of `users`. @param ask asks the service itself */
export function watchSessions(
  redis: Pick<ShopRedis, 'follow' | 'isIsolated'>,
  ask: (claims: TokenClaims, requestId: string, deadline: Deadline) => Promise<SessionState>,
): Sessions {
  const revocations = redis.follow({ stream: eventStream('users'), historyMs, initial, apply });
  const isCurrent = () => revocations.ageMs() <= maxAgeMs;

  function known({ userId, sessionId, role }: TokenClaims): SessionState {
    const { ended, deleted, roles } = revocations.state();
    if (ended.has(sessionId) || deleted.has(userId)) return { state: 'ended' };
    return { state: 'active', role: roles.get(userId)?.role ?? role };
  }

  let isClosed = false;
  let nextCurrentView: Promise<true> | undefined;
  /** Resolves when the view is current. One timer serves all requests that wait. */
  async function awaitCurrentView(): Promise<true> {
    while (!isCurrent() && !isClosed) await pause(pollIntervalMs);
    nextCurrentView = undefined;
    return true;
  }
  function currentView(): Promise<true> {
    nextCurrentView ??= awaitCurrentView();
    return nextCurrentView;
  }

  type Ask = { readonly atMs: number; readonly answer: Promise<SessionState | undefined> };
  const asks = new Map<string, Ask>();
  /**
   * The answer of `users`; `undefined` when it has none. Requests of one sign-in share an answer that was asked for in the last second, and
   * a refusal until {@link askAgainMs} have passed: while the view is old, asking for each request would be more than `users` can answer.
   */
  function askUsers(claims: TokenClaims, requestId: string, deadline: Deadline): Promise<SessionState | undefined> {
    const key = `${claims.userId} ${claims.sessionId}`;
    const running = asks.get(key);
    if (running !== undefined && monotonicMs() - running.atMs <= maxAgeMs) return running.answer;
    if (asks.size >= maxAsks) return pause(askAgainMs, deadline).then(() => undefined);
    const answer = ask(claims, requestId, deadline)
      .catch(() => pause(askAgainMs).then(() => undefined))
      .finally(() => {
        if (asks.get(key)?.answer === answer) asks.delete(key);
      });
    asks.set(key, { atMs: monotonicMs(), answer });
    return answer;
  }

  /** Our own view as soon as it is current, or the answer of `users`, whichever comes first: in a failover either may take longer. */
  async function whenCurrent(claims: TokenClaims, requestId: string, deadline: Deadline): Promise<SessionState> {
    // Another replica of the service can answer what an isolated one has to refuse anyway.
    const mayWait = () => !isClosed && !redis.isIsolated();
    if (mayWait()) await within(currentView(), Math.min(askAfterMs, remainingMs(deadline)));
    while (!isCurrent() && mayWait() && remainingMs(deadline) > 0) {
      const answered = askUsers(claims, requestId, deadline);
      const answer = await within(Promise.race([currentView(), answered]), remainingMs(deadline));
      if (typeof answer === 'object') return answer;
    }
    if (isCurrent()) return known(claims);
    throw new Unavailable('the state of the sign-in was not known in time');
  }

  return {
    known,
    current: async (claims, requestId, deadline) =>
      isCurrent() ? known(claims) : whenCurrent(claims, requestId, deadline),
    close() {
      isClosed = true;
      revocations.close();
    },
  };
}

function initial(): Revocations {
  return { ended: new Map(), deleted: new Map(), roles: new Map() };
}

function apply({ ended, deleted, roles }: Revocations, { fields }: StreamEntry): void {
  const arrivedMs = monotonicMs();
  const data: unknown = JSON.parse(fields.data ?? '{}');
  if (fields.type === 'session.ended') {
    for (const id of userEvents['session.ended'].parse(data).sessionIds) keepLatest(ended, id, arrivedMs);
  } else if (fields.type === 'user.deleted') {
    keepLatest(deleted, userEvents['user.deleted'].parse(data).userId, arrivedMs);
  } else if (fields.type === 'user.role-changed') {
    const { userId, role } = userEvents['user.role-changed'].parse(data);
    keepLatest(roles, userId, { role, arrivedMs });
  }
  dropExpired(ended, (atMs) => atMs);
  dropExpired(deleted, (atMs) => atMs);
  dropExpired(roles, (change) => change.arrivedMs);
}

/** Sets an entry and moves it to the end of the map, so that the map is in the order of arrival. */
function keepLatest<T>(map: Map<string, T>, id: string, value: T): void {
  map.delete(id);
  map.set(id, value);
}

/** Removes from the front what concerns only tokens that have expired by themselves. */
function dropExpired<T>(map: Map<string, T>, arrivedMsOf: (value: T) => number): void {
  const oldestMs = monotonicMs() - keptMs;
  for (const [id, value] of map) {
    if (arrivedMsOf(value) >= oldestMs) return;
    map.delete(id);
  }
}
