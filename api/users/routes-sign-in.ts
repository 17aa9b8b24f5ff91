/** Routes of sign-ins: sign-in, refresh and sign-out; and the public keys that verify access tokens. */
import { checkSession } from '../contracts/calls.ts';
import { isRefusal, type Refusal } from '../core/outcome.ts';
import { type Answer, type Route, route } from '../http/route.ts';
import type { AccessTokens } from './access-tokens.ts';
import { credentials, jwksOut, refreshRequest, type Session, sessionOut } from './schema.ts';
import type { SignInRules } from './service-sign-in.ts';

/** The routes of sign-ins, below `/users`. */
export function signInRoutes(signIns: SignInRules, access: Pick<AccessTokens, 'publicKeys'>): Route[] {
  return [
    route({
      method: 'post',
      path: '/login',
      access: 'anyone',
      operationId: 'signIn',
      summary: 'Sign in with e-mail address and password.',
      body: credentials,
      response: { status: 200, body: sessionOut },
      problems: ['invalid-credentials'],
      limit: 'sign-in',
      handle: async ({ body, context }) => sessionAnswer(await signIns.login(body, context)),
    }),
    route({
      method: 'post',
      path: '/refresh',
      access: 'anyone',
      operationId: 'refreshSession',
      summary: 'Exchange a refresh token for a new session. The old token gives the same answer for 30 s more.',
      body: refreshRequest,
      response: { status: 200, body: sessionOut },
      problems: ['session-ended'],
      handle: async ({ body, context }) => sessionAnswer(await signIns.refresh(body.refreshToken, context)),
    }),
    route({
      method: 'post',
      path: '/logout',
      access: 'anyone',
      operationId: 'signOut',
      summary: 'End the sign-in that a refresh token belongs to. Answers 204 whether or not there was one.',
      body: refreshRequest,
      response: { status: 204 },
      handle: async ({ body, context }) => {
        await signIns.logout(body.refreshToken, context);
        return { status: 204 };
      },
    }),
    route({
      method: 'get',
      path: '/.well-known/jwks.json',
      access: 'anyone',
      operationId: 'listKeys',
      summary: 'Get the public keys that verify access tokens (RFC 7517).',
      response: { status: 200, body: jwksOut },
      public: true,
      handle: async () => ({ status: 200, body: { keys: access.publicKeys() } }),
    }),
  ];
}

/** What other services ask, below `/internal/users`. */
export function internalRoutes(signIns: SignInRules): Route[] {
  return [
    route({
      method: 'post',
      path: checkSession.path,
      access: 'service',
      callers: checkSession.callers,
      summary: 'Whether a sign-in goes on, and with which role.',
      body: checkSession.input,
      response: { status: 200, body: checkSession.output },
      handle: async ({ body, context }) => ({ status: 200, body: await signIns.check(body, context.deadline) }),
    }),
  ];
}

function sessionAnswer(session: Session | Refusal): Answer | Refusal {
  return isRefusal(session) ? session : { status: 200, body: session };
}
