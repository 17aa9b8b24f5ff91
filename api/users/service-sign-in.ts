/** Sign-ins: with a password, going on with a refresh token, ending; and whether one goes on. */
import type { TokenClaims } from '../contracts/claims.ts';
import { accessTokenSeconds } from '../contracts/events.ts';
import type { Deadline } from '../core/clock.ts';
import { newId } from '../core/ids.ts';
import { type Refusal, refuse } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import type { SessionState } from '../http/sessions.ts';
import type { AccessTokens } from './access-tokens.ts';
import type { Passwords } from './passwords.ts';
import { keyFromToken, type RefreshTokens } from './refresh-tokens.ts';
import { type Credentials, type Session, sessionOut } from './schema.ts';
import { seal, unseal } from './sealed.ts';
import { settled } from './settled.ts';
import type { UserStore } from './store.ts';
import type { SessionStore } from './store-sessions.ts';

/** What sign-ins are made with. */
export type SignInParts = {
  readonly users: Pick<UserStore, 'findByEmail'>;
  readonly sessions: SessionStore;
  readonly passwords: Passwords;
  readonly access: AccessTokens;
  readonly refresh: RefreshTokens;
};

/** See {@link openSignIns}. Everything throws Unavailable when it is not certain before the deadline. */
export type SignIns = {
  login(given: Credentials, context: RequestContext): Promise<Session | Refusal>;
  refresh(token: string, context: RequestContext): Promise<Session | Refusal>;
  /** Whatever the token: there is nothing to tell. */
  logout(token: string, context: RequestContext): Promise<void>;
  check(claims: Pick<TokenClaims, 'userId' | 'sessionId'>, deadline: Deadline): Promise<SessionState>;
};

/** Opens the rules of sign-ins. */
export function openSignIns({ users, sessions, passwords, access, refresh }: SignInParts): SignIns {
  function sessionOf(claims: TokenClaims, generation: number): Session {
    return {
      accessToken: access.issue(claims),
      tokenType: 'Bearer',
      expiresIn: accessTokenSeconds,
      refreshToken: refresh.issue({ userId: claims.userId, sessionId: claims.sessionId, generation }),
    };
  }

  return {
    async login({ email, password }, context) {
      const sessionId = newId();
      return settled(context.deadline, async () => {
        const read = await users.findByEmail(email, context.deadline);
        const right = await passwords.verify(read?.passwordHash, password, context.deadline);
        if (read === undefined || !right) {
          return refuse('invalid-credentials', 'There is no user with this address and password.');
        }
        const outcome = await sessions.begin(read, sessionId, context);
        return outcome.kind === 'conflict' ? outcome : sessionOf({ userId: read.id, sessionId, role: outcome.role }, 1);
      });
    },

    async refresh(token, context) {
      const claims = refresh.read(token);
      if (claims === undefined) return ended();
      const key = keyFromToken(token);
      return settled(context.deadline, async () => {
        const role = await sessions.role(claims.userId, context.deadline);
        if (role === undefined) return ended();
        const next = sessionOf({ ...claims, role }, claims.generation + 1);
        const outcome = await sessions.exchange(claims, role, seal(key, JSON.stringify(next)), context);
        if (outcome.kind === 'conflict') return outcome;
        return outcome.kind === 'ended' ? ended() : sessionOut.parse(JSON.parse(unseal(key, outcome.sealed)));
      });
    },

    async logout(token, context) {
      const claims = refresh.read(token);
      if (claims !== undefined) await sessions.end(claims.userId, claims.sessionId, context);
    },

    async check({ userId, sessionId }, deadline) {
      const role = await sessions.check(userId, sessionId, deadline);
      return role === undefined ? { state: 'ended' } : { state: 'active', role };
    },
  };
}

function ended(): Refusal {
  return refuse('session-ended', 'Sign in again.');
}
