/** Which tokens in hand are no longer good: every replica hears it from the stream of `users` within a second. */
import type { TokenClaims } from '../contracts/claims.ts';
import { accessTokenSeconds, eventStream, userEvents } from '../contracts/events.ts';
import { type Deadline, pause, remainingMs } from '../core/clock.ts';
import type { Role } from '../core/request.ts';
import type { ShopRedis } from '../redis/open.ts';
import type { StreamEntry } from '../redis/tail.ts';

/** Whether a sign-in goes on, and with which role now. */
export type SessionState = { readonly state: 'active'; readonly role: Role } | { readonly state: 'ended' };

/** See {@link watchSessions}. */
export type Sessions = {
  /** What is known of the token's sign-in; good for reading. */
  known(claims: TokenClaims): SessionState;
  /**
   * The same, from a view at most a second old: what a write needs. Asks `users` when our own view is older.
   * @throws Unavailable when neither can be had before the deadline
   */
  certain(claims: TokenClaims, deadline: Deadline): Promise<SessionState>;
};

const maxAgeMs = 1000;
const keptMs = (accessTokenSeconds + 60) * 1000;

/** Follows the stream of `users`. @param ask asks the service itself */
export function watchSessions(
  redis: Pick<ShopRedis, 'tail'>,
  ask: (claims: TokenClaims, deadline: Deadline) => Promise<SessionState>,
): Sessions {
  const ended = new Map<string, number>();
  const deleted = new Map<string, number>();
  const roles = new Map<string, { role: Role; atMs: number }>();
  let sweptMs = Date.now();

  function note({ fields }: StreamEntry) {
    const atMs = Number(fields.at);
    const data: unknown = JSON.parse(fields.data ?? '{}');
    if (fields.type === 'session.ended') {
      for (const id of userEvents['session.ended'].parse(data).sessionIds) ended.set(id, atMs);
    } else if (fields.type === 'user.deleted') {
      deleted.set(userEvents['user.deleted'].parse(data).userId, atMs);
    } else if (fields.type === 'user.role-changed') {
      const { userId, role } = userEvents['user.role-changed'].parse(data);
      roles.set(userId, { role, atMs });
    }
    if (Date.now() - sweptMs > 30_000) sweep();
  }

  /** Forgets what concerns only tokens that have expired by themselves. */
  function sweep() {
    sweptMs = Date.now();
    for (const map of [ended, deleted]) for (const [id, atMs] of map) if (sweptMs - atMs > keptMs) map.delete(id);
    for (const [id, { atMs }] of roles) if (sweptMs - atMs > keptMs) roles.delete(id);
  }

  const tail = redis.tail(eventStream('users'), Date.now() - keptMs, note);

  function known({ userId, sessionId, role }: TokenClaims): SessionState {
    if (ended.has(sessionId) || deleted.has(userId)) return { state: 'ended' };
    return { state: 'active', role: roles.get(userId)?.role ?? role };
  }

  return {
    known,
    async certain(claims, deadline) {
      for (let waitedMs = 0; tail.ageMs() > maxAgeMs && waitedMs < 400 && remainingMs(deadline) > 0; waitedMs += 20) {
        await pause(20, deadline);
      }
      return tail.ageMs() <= maxAgeMs ? known(claims) : ask(claims, deadline);
    },
  };
}
