/** Who asks: the bearer token, the credential of a service, or only an address. */
import type { Request } from 'express';
import type { Deadline } from '../core/clock.ts';
import { type Refusal, refuse } from '../core/outcome.ts';
import type { Caller } from '../core/request.ts';
import { serviceOf } from './client.ts';
import type { Route } from './route.ts';
import type { Sessions } from './sessions.ts';
import type { TokenVerifier } from './tokens.ts';

/** What tells who asks. */
export type Identities = {
  readonly verify: TokenVerifier;
  readonly sessions: Sessions;
  readonly internalSecret: string;
};

/** The caller, and why the route is not for them, if it is not. The caller is known also then: to be counted. */
export type Identified = { readonly caller: Caller; readonly refusal?: Refusal };

/**
 * Tells who asks and whether they may. On a route for anyone a token that is not good counts as none.
 * @throws Unavailable when a token cannot be checked
 */
export async function identify(req: Request, route: Route, by: Identities, deadline: Deadline): Promise<Identified> {
  const address = req.ip ?? '';
  const nobody: Caller = { kind: 'anonymous', address };
  const token = bearerOf(req);
  if (route.access === 'service') {
    const service = token === undefined ? undefined : serviceOf(token, by.internalSecret);
    if (service !== undefined) return { caller: { kind: 'service', address, service } };
    return { caller: nobody, refusal: refuse('unauthenticated', 'Only services of the shop may call this.') };
  }
  const optional = route.access === 'anyone';
  if (token === undefined) return optional ? { caller: nobody } : unauthenticated(nobody, 'Send an access token.');
  const attempt = by.verify(token, deadline);
  const claims = await (optional ? attempt.catch(() => undefined) : attempt);
  if (claims === undefined)
    return optional ? { caller: nobody } : unauthenticated(nobody, 'The access token is not valid.');
  // On a route for anyone a revoked token opens nothing, so such reads go on also while the view is old.
  const session = optional ? by.sessions.known(claims) : await by.sessions.current(claims, deadline);
  if (session.state === 'ended') {
    // The handler's own write refuses all but a repetition; an admin's route is only repeated by one whose token was an admin's.
    if (route.endsOwnSession && (route.access !== 'admin' || claims.role === 'admin'))
      return { caller: { kind: 'user', address, ...claims } };
    return optional ? { caller: nobody } : { caller: nobody, refusal: refuse('session-ended', 'Sign in again.') };
  }
  const caller: Caller = { kind: 'user', address, ...claims, role: session.role };
  if (route.access === 'admin' && caller.role !== 'admin') {
    return { caller, refusal: refuse('forbidden', 'Only an admin may do this.') };
  }
  return { caller };
}

function unauthenticated(caller: Caller, detail: string): Identified {
  return { caller, refusal: refuse('unauthenticated', detail) };
}

function bearerOf(req: Request): string | undefined {
  return /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(req.get('Authorization') ?? '')?.[1];
}
