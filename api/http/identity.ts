/** Authentication: the caller by a bearer token, the credential of a service, or only an address; and whether the route allows it. */
import type { Request } from 'express';
import type { Deadline } from '../core/clock.ts';
import { type Refusal, refuse } from '../core/outcome.ts';
import type { Caller } from '../core/request.ts';
import type { Credentials } from './credentials.ts';
import type { Route } from './route.ts';
import type { Sessions } from './sessions.ts';
import type { TokenVerifier } from './tokens.ts';

/** What callers are identified by. */
export type Identities = {
  readonly verify: TokenVerifier;
  readonly sessions: Sessions;
  readonly callerOf: Credentials['callerOf'];
};

/** A signed-in user. */
export type UserCaller = Extract<Caller, { kind: 'user' }>;

/** The caller, also when the request is refused, because refused requests are counted, too. */
export type Identified = {
  readonly caller: Caller;
  readonly refusal?: Refusal;
  /**
   * Set where the token is good but its right was revoked since (the refusal is `session-ended` or `forbidden`): the user as the token says.
   * They may still repeat the very request that revoked it.
   */
  readonly revoked?: UserCaller;
};

/**
 * Identifies the caller and checks the route's access. On a route for anyone an invalid token counts as none.
 * @throws Unavailable when a token cannot be checked
 */
export async function identify(
  req: Request,
  route: Pick<Route, 'access' | 'callers'>,
  by: Identities,
  deadline: Deadline,
): Promise<Identified> {
  const address = req.ip ?? '';
  const anonymous: Caller = { kind: 'anonymous', address };
  const token = bearerOf(req);
  if (route.access === 'service') {
    const service = token === undefined ? undefined : by.callerOf(token);
    if (service === undefined) return unauthenticated(anonymous, 'Only services of the shop may call this.');
    const caller: Caller = { kind: 'service', address, service };
    if (route.callers?.includes(service)) return { caller };
    return { caller, refusal: refuse('forbidden', `${service} may not call this.`) };
  }
  const isOptional = route.access === 'anyone';
  if (token === undefined)
    return isOptional ? { caller: anonymous } : unauthenticated(anonymous, 'Send an access token.');
  const verified = by.verify(token, String(req.id), deadline);
  const claims = await (isOptional ? verified.catch(() => undefined) : verified);
  if (claims === undefined) {
    return isOptional ? { caller: anonymous } : unauthenticated(anonymous, 'The access token is not valid.');
  }
  // On a route for anyone a revoked token gives no more rights, so the view of revocations may be old.
  const session = isOptional ? by.sessions.known(claims) : await by.sessions.current(claims, String(req.id), deadline);
  if (session.state === 'ended') {
    if (isOptional) return { caller: anonymous };
    const revoked: UserCaller = { kind: 'user', address, ...claims };
    return { caller: anonymous, refusal: refuse('session-ended', 'This sign-in has ended. Sign in again.'), revoked };
  }
  const caller: UserCaller = { kind: 'user', address, ...claims, role: session.role };
  if (route.access === 'admin' && caller.role !== 'admin') {
    return { caller, refusal: refuse('forbidden', 'Only an admin may do this.'), revoked: caller };
  }
  return { caller };
}

function unauthenticated(caller: Caller, detail: string): Identified {
  return { caller, refusal: refuse('unauthenticated', detail) };
}

function bearerOf(req: Request): string | undefined {
  return /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(req.get('Authorization') ?? '')?.[1];
}
