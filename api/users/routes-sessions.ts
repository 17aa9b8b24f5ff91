/** Routes of a user's sign-ins: which there are, and ending them. */
import { rfc3339 } from '../core/clock.ts';
import { type RequestContext, signedIn } from '../core/request.ts';
import { entityTag } from '../http/answer.ts';
import { type Route, route } from '../http/route.ts';
import { noContent } from './routes.ts';
import { sessionList, sessionParams, userParams } from './schema.ts';
import type { SignInRules } from './service-sign-in.ts';

/** The routes of sign-ins that have begun, below `/users`. */
export function sessionRoutes(signIns: Pick<SignInRules, 'list' | 'end'>): Route[] {
  return [
    route({
      method: 'get',
      path: '/me/sessions',
      access: 'user',
      operationId: 'listOwnSessions',
      summary: 'List your sign-ins, newest first.',
      response: { status: 200, body: sessionList },
      handle: async ({ context }) => ({ status: 200, body: await ownList(context) }),
    }),
    route({
      method: 'delete',
      path: '/me/sessions',
      access: 'user',
      operationId: 'endOtherSessions',
      summary: 'End all your sign-ins but the present one.',
      response: { status: 204 },
      problems: ['precondition-failed'],
      idempotent: true,
      handle: async ({ context }) => {
        const caller = signedIn(context);
        const list = Array.isArray(context.ifMatch) ? await ownList(context) : undefined;
        const read = list && { tag: entityTag(list), ids: list.data.map(({ id }) => id) };
        const choice = { which: 'others', sessionId: caller.sessionId, read } as const;
        return noContent(await signIns.end(caller.userId, choice, caller, context));
      },
    }),
    route({
      method: 'delete',
      path: '/me/sessions/:id',
      access: 'user',
      operationId: 'endOwnSession',
      summary: 'End one of your sign-ins.',
      params: sessionParams,
      response: { status: 204 },
      problems: ['precondition-failed', 'not-found'],
      idempotent: true,
      handle: async ({ params, context }) => {
        const caller = signedIn(context);
        const choice = { which: 'one', sessionId: params.id } as const;
        return noContent(await signIns.end(caller.userId, choice, caller, context));
      },
    }),
    route({
      method: 'delete',
      path: '/:id/sessions',
      access: 'admin',
      operationId: 'endSessionsOfUser',
      summary: 'End every sign-in of a user.',
      params: userParams,
      response: { status: 204 },
      problems: ['precondition-failed', 'not-found'],
      idempotent: true,
      handle: async ({ params, context }) =>
        noContent(await signIns.end(params.id, { which: 'all' }, signedIn(context), context)),
    }),
  ];

  async function ownList(context: RequestContext) {
    const caller = signedIn(context);
    const stored = await signIns.list(caller, context);
    const data = stored.map(({ id, createdAtMs, lastUsedAtMs, endsAtMs, userAgent }) => ({
      id,
      createdAt: rfc3339(createdAtMs),
      lastUsedAt: rfc3339(lastUsedAtMs),
      endsAt: rfc3339(endsAtMs),
      current: id === caller.sessionId,
      ...(userAgent === undefined ? {} : { userAgent }),
    }));
    return { data };
  }
}
