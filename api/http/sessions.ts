/** Which access tokens are revoked: every replica of every service follows the event stream of `users` and knows within a second. */
import type { TokenClaims } from '../contracts/claims.ts';
import { accessTokenSeconds, eventStream, userEvents } from '../contracts/events.ts';
import { type Deadline, monotonicMs, pause, remainingMs } from '../core/clock.ts';
import { Unavailable } from '../core/outcome.ts';
import type { Role } from '../core/request.ts';
import type { StreamEntry } from '../redis/follow.ts';
import type { ShopRedis } from '../redis/open.ts';

/** Whether a sign-in goes on, and with which role now. */
export type SessionState = { readonly state: 'active'; readonly role: Role } | { readonly state: 'ended' };

/** See {@link watchSessions}. */
export type Sessions = {
  /** What this replica knows of the token's sign-in, however old that is. */
  known(claims: TokenClaims): SessionState;
  /**
   * The state of the token's sign-in, at most a second old. Asks `users`, under the request's id, when our own view stays older.
   * @throws Unavailable when neither can be had before the deadline
   */
  current(claims: TokenClaims, requestId: string, deadline: Deadline): Promise<SessionState>;
  close(): void;
};

const maxAgeMs = 1000;
const pollIntervalMs = 20;
/** How long to wait for our own view before `users` is asked as well. */
const askAfterMs = 400;
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
  redis: Pick<ShopRedis, 'follow'>,
  ask: (claims: TokenClaims, requestId: string, deadline: Deadline) => Promise<SessionState>,
): Sessions {
  const revocations = redis.follow({ stream: eventStream('users'), historyMs, initial, apply });
  const isCurrent = () => revocations.ageMs() <= maxAgeMs;

  function known({ userId, sessionId, role }: TokenClaims): SessionState {
    const { ended, deleted, roles } = revocations.state();
    if (ended.has(sessionId) || deleted.has(userId)) return { state: 'ended' };
    return { state: 'active', role: roles.get(userId)?.role ?? role };
  }

  /** Our own view as soon as it is current, or the answer of `users`, whichever comes first: in a failover either may take longer. */
  async function whenCurrent(claims: TokenClaims, requestId: string, deadline: Deadline): Promise<SessionState> {
    const askAtMs = monotonicMs() + askAfterMs;
    let isAsked = false;
    let answer: SessionState | undefined;
    while (remainingMs(deadline) > 0) {
      await pause(pollIntervalMs, deadline);
      if (isCurrent()) return known(claims);
      if (answer !== undefined) return answer;
      if (isAsked || monotonicMs() < askAtMs) continue;
      isAsked = true;
      ask(claims, requestId, deadline).then(
        (state) => {
          answer = state;
        },
        () => {
          isAsked = false;
        },
      );
    }
    throw new Unavailable('the state of the sign-in could not be had in time');
  }

  return {
    known,
    current: async (claims, requestId, deadline) =>
      isCurrent() ? known(claims) : whenCurrent(claims, requestId, deadline),
    close: revocations.close,
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
