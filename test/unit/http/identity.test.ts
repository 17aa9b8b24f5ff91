/** Who a caller is, by what they send, and which routes they may call. */
import type { Request } from 'express';
import { expect, test } from 'vitest';
import { deadlineIn } from '../../../api/core/clock.ts';
import { isRefusal } from '../../../api/core/outcome.ts';
import { type Identities, identify } from '../../../api/http/identity.ts';
import type { SessionState } from '../../../api/http/sessions.ts';

type Route = Parameters<typeof identify>[1];

const address = '192.0.2.1';
const claimsOf = (role: 'customer' | 'admin') => ({ userId: `a-${role}`, sessionId: 's', role }) as const;

/** `customer` and `admin` are tokens of such users, `purchases` is the credential of that service. */
const identities = (session?: SessionState): Identities => {
  const stateOf = (role: 'customer' | 'admin'): SessionState => session ?? { state: 'active', role };
  return {
    verify: async (token) => (token === 'customer' || token === 'admin' ? claimsOf(token) : undefined),
    sessions: {
      known: ({ role }) => stateOf(role),
      current: async ({ role }) => stateOf(role),
      close() {},
    },
    callerOf: (token) => (token === 'purchases' ? token : undefined),
  };
};

/** `kind` of the caller, and the code of the refusal, if any. */
async function identified(token: string | undefined, route: Route, session?: SessionState): Promise<string> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const req = { ip: address, id: 'a-request', get: (name: string) => headers[name.toLowerCase()] };
  const { caller, refusal } = await identify(req as unknown as Request, route, identities(session), deadlineIn(1000));
  expect(caller.address).toBe(address);
  if (refusal !== undefined) expect(isRefusal(refusal)).toBe(true);
  return refusal === undefined ? caller.kind : `${caller.kind} ${refusal.code}`;
}

const forPurchases: Route = { access: 'service', callers: ['purchases'] };
const forUsersService: Route = { access: 'service', callers: ['users'] };

test.each<[token: string | undefined, route: Route, expected: string]>([
  [undefined, { access: 'anyone' }, 'anonymous'],
  ['nonsense', { access: 'anyone' }, 'anonymous'],
  ['customer', { access: 'anyone' }, 'user'],
  [undefined, { access: 'user' }, 'anonymous unauthenticated'],
  ['nonsense', { access: 'user' }, 'anonymous unauthenticated'],
  ['customer', { access: 'user' }, 'user'],
  ['admin', { access: 'user' }, 'user'],
  [undefined, { access: 'admin' }, 'anonymous unauthenticated'],
  ['customer', { access: 'admin' }, 'user forbidden'],
  ['admin', { access: 'admin' }, 'user'],
  ['purchases', { access: 'admin' }, 'anonymous unauthenticated'],
  [undefined, forPurchases, 'anonymous unauthenticated'],
  ['admin', forPurchases, 'anonymous unauthenticated'],
  ['purchases', forPurchases, 'service'],
  ['purchases', forUsersService, 'service forbidden'],
])('%s on a route for %o is %s', async (token, route, expected) => {
  expect(await identified(token, route)).toBe(expected);
});

test.each<[situation: string, route: Route, session: SessionState, expected: string]>([
  ['a sign-in that has ended', { access: 'user' }, { state: 'ended' }, 'anonymous session-ended'],
  ['a sign-in that has ended, where anyone may ask', { access: 'anyone' }, { state: 'ended' }, 'anonymous'],
  ['an admin who was demoted', { access: 'admin' }, { state: 'active', role: 'customer' }, 'user forbidden'],
])('the token of %s', async (_situation, route, session, expected) => {
  expect(await identified('admin', route, session)).toBe(expected);
});
