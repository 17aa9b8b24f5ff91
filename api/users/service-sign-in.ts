/** Sign-ins: beginning one with a password, refreshing, listing and ending it; and whether one is active. */
import type { TokenClaims } from '../contracts/claims.ts';
import { accessTokenSeconds } from '../contracts/events.ts';
import { addressIdentity } from '../core/address.ts';
import { type Deadline, shopTimeMs } from '../core/clock.ts';
import { newId, timeOfId } from '../core/ids.ts';
import { isNewCustomer } from '../core/new-customer.ts';
import { isRefusal, type Refusal, refuse, type Written, written } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import { retryOnConflict } from '../core/retry-on-conflict.ts';
import { type HandlerLimits, rateLimited } from '../http/limits.ts';
import type { SessionState } from '../http/sessions.ts';
import { type AccessTokens, longOf, shortOf } from './access-tokens.ts';
import type { Attempt, Guessing } from './guessing.ts';
import type { Passwords } from './passwords.ts';
import type { Account } from './record.ts';
import type { SessionLimits, StoredSession } from './record-sessions.ts';
import { keyFromToken, type RefreshTokens } from './refresh-tokens.ts';
import { type Credentials, type Session, sessionOut } from './schema.ts';
import { seal, unseal } from './sealed.ts';
import type { SignedIn } from './service-password.ts';
import type { SessionReads, UserReads } from './store-reads.ts';
import type { SessionChoice, SessionWrites } from './store-sessions.ts';

/** What sign-ins are made with. */
type SignInParts = {
  readonly users: Pick<UserReads, 'findForSignIn'>;
  readonly sessions: SessionReads & SessionWrites;
  readonly passwords: Passwords;
  readonly guessing: Guessing;
  readonly access: AccessTokens;
  readonly refresh: RefreshTokens;
  /** How long a sign-in lasts at most, by role. */
  readonly limits: SessionLimits;
  readonly reserve: HandlerLimits['reserve'];
};

/** See {@link createSignInRules}. Everything throws Unavailable when it is not certain before the deadline. */
export type SignInRules = {
  login(given: Credentials, context: RequestContext): Promise<Session | Refusal>;
  refresh(token: string, context: RequestContext): Promise<Session | Refusal>;
  /** Ends the token's sign-in; a token that the shop did not issue has no effect. */
  logout(token: string, context: RequestContext): Promise<void>;
  /** The caller's sign-ins, newest first. */
  list(caller: SignedIn, context: RequestContext): Promise<StoredSession[]>;
  /** Ends sign-ins of a user. @param caller the signed-in user; that sign-in must not have ended */
  end(userId: string, choice: SessionChoice, caller: SignedIn, context: RequestContext): Promise<Written | Refusal>;
  check(claims: Pick<TokenClaims, 'userId' | 'sessionId'>, deadline: Deadline): Promise<SessionState>;
};

/** Creates the rules of sign-ins. */
export function createSignInRules(parts: SignInParts): SignInRules {
  const { users, sessions, passwords, guessing, refresh } = parts;

  return {
    async login({ email, password }, context) {
      const sessionId = newId();
      const { deadline } = context;
      const addressHash = guessing.addressHash(email, context.caller.address);
      return retryOnConflict(deadline, async () => {
        const { account, isKnownAddress } = await users.findForSignIn(email, addressHash, deadline);
        const attempt = await guessing.admit(email, isKnownAddress);
        if (isRefusal(attempt)) return attempt;
        const isRight = await checkPassword(passwords, account, password, attempt, deadline);
        if (account === undefined || !isRight) {
          return refuse('invalid-credentials', 'There is no user with this address and password.');
        }
        const counted = await countSignIn(parts, account, context);
        if (isRefusal(counted)) return counted;
        const outcome = await sessions.begin(account, sessionId, addressHash, context);
        if (outcome.kind === 'conflict') {
          await counted.giveBack();
          return outcome;
        }
        return sessionOf(parts, { userId: account.id, sessionId, role: outcome.role }, 1);
      });
    },

    async refresh(token, context) {
      const claims = refresh.read(token);
      if (claims === undefined) return ended();
      const key = keyFromToken(token);
      return retryOnConflict(context.deadline, async () => {
        const role = await sessions.role(claims.userId, context.deadline);
        if (role === undefined) return ended();
        const next = sessionOf(parts, { ...claims, role }, claims.generation + 1);
        const sealed = seal(key, shortOf(next.accessToken));
        const outcome = await sessions.exchange(claims, role, sealed, context);
        if (outcome.kind === 'conflict') return outcome;
        if (outcome.kind === 'ended') return ended();
        const answered = unseal(key, outcome.sealed);
        // 5eb7839 sealed the whole session.
        return answered.startsWith('{"accessToken"')
          ? sessionOut.parse(JSON.parse(answered))
          : sessionLike(next, answered);
      });
    },

    async logout(token, context) {
      const claims = refresh.read(token);
      if (claims !== undefined) await sessions.end(claims.userId, claims.sessionId, context);
    },

    list: ({ userId }, context) => sessions.list(userId, context),

    async end(userId, choice, caller, context) {
      const outcome = await sessions.endSessions(userId, choice, caller, context);
      if (isRefusal(outcome)) return outcome;
      switch (outcome.kind) {
        case 'ended':
          return written(undefined, outcome.replayed);
        case 'missing':
          return refuse('not-found', choice.which === 'one' ? 'There is no such sign-in.' : 'There is no such user.');
        case 'signed-out':
          return ended();
        case 'stale':
          return refuse(
            'precondition-failed',
            'The sign-ins have changed since the version in If-Match; read them again.',
          );
      }
    },

    async check({ userId, sessionId }, deadline) {
      const role = await sessions.check(userId, sessionId, deadline);
      return role === undefined ? { state: 'ended' } : { state: 'active', role };
    },
  };
}

/** Tokens for a sign-in; the access token ends with it. */
function sessionOf({ access, refresh, limits }: SignInParts, claims: TokenClaims, generation: number): Session {
  const leftMs = timeOfId(claims.sessionId) + limits[claims.role] - shopTimeMs();
  const expiresIn = Math.max(1, Math.min(accessTokenSeconds, Math.floor(leftMs / 1000)));
  return {
    accessToken: access.issue(claims, expiresIn),
    tokenType: 'Bearer',
    expiresIn,
    refreshToken: refresh.issue({ userId: claims.userId, sessionId: claims.sessionId, generation }),
  };
}

/** Compares a password and counts the attempt. It takes as long when there is no account, so that time does not show whether one exists. */
async function checkPassword(
  passwords: Passwords,
  account: Account | undefined,
  password: string,
  attempt: Attempt,
  deadline: Deadline,
): Promise<boolean> {
  let isWrong = false;
  try {
    isWrong = !(await passwords.verify(account?.passwordHash, password, deadline));
  } finally {
    if (isWrong) attempt.failed();
    else await attempt.withdraw();
  }
  return !isWrong;
}

/** Counts a sign-in of an account that is less than a day old, with all others of such accounts from this address. */
async function countSignIn({ reserve }: SignInParts, { id, role }: Account, { caller }: RequestContext) {
  if (!isNewCustomer(id, role)) return { giveBack: async () => undefined };
  const reservation = await reserve('sign-in-day-new-accounts', addressIdentity(caller.address));
  return 'waitSeconds' in reservation ? rateLimited(reservation.waitSeconds) : reservation;
}

/** The session that was answered: `next` but for the access token, of which `short` is stored. */
function sessionLike(next: Session, short: string): Session {
  const { token, lifeSeconds } = longOf(short, next.accessToken);
  return { ...next, accessToken: token, expiresIn: lifeSeconds };
}

function ended(): Refusal {
  return refuse('session-ended', 'This sign-in has ended. Sign in again.');
}
