/** Routes of users: sign-up, one's own, and the admin's. */
import { rfc3339 } from '../core/clock.ts';
import { emailIdentity } from '../core/email.ts';
import { isRefusal, type Refusal, refuse, type Written, written } from '../core/outcome.ts';
import { signedIn } from '../core/request.ts';
import { answerPage, type Cursors } from '../http/lists.ts';
import { type Answer, type Route, route } from '../http/route.ts';
import type { User } from './record.ts';
import {
  changes,
  listQuery,
  ownChanges,
  passwordChange,
  signUp,
  type UserOut,
  userOut,
  userPage,
  userParams,
} from './schema.ts';
import type { UserRules } from './service.ts';

/** The routes of users, below `/users`. */
export function userRoutes(users: UserRules, cursors: Cursors): Route[] {
  return [...ownRoutes(users), ...anyUserRoutes(users, cursors)];
}

/** Sign-up, and what users do with their own user. */
function ownRoutes(users: UserRules): Route[] {
  return [
    route({
      method: 'post',
      path: '/',
      access: 'anyone',
      operationId: 'signUp',
      summary: 'Sign up.',
      body: signUp,
      response: { status: 201, body: userOut, etag: true },
      problems: ['email-taken', 'not-found'],
      idempotent: true,
      rejectWhenFull: true,
      passwords: ['password'],
      limit: 'sign-up',
      idempotencyOwner: ({ email }) => `email:${emailIdentity(email)}`,
      handle: async ({ body, context }) => {
        const outcome = await users.signUp(body, context);
        if (isRefusal(outcome)) return outcome;
        return { ...userAnswer(outcome), status: 201, location: `/users/${outcome.value.id}` };
      },
    }),
    route({
      method: 'get',
      path: '/me',
      access: 'user',
      operationId: 'getOwnUser',
      summary: 'Read your own user.',
      response: { status: 200, body: userOut, etag: true },
      handle: async ({ context }) => mine(got(await users.get(signedIn(context).userId, context))),
    }),
    route({
      method: 'patch',
      path: '/me',
      access: 'user',
      operationId: 'updateOwnUser',
      summary: 'Change your own names.',
      body: ownChanges,
      response: { status: 200, body: userOut, etag: true },
      problems: ['precondition-failed'],
      idempotent: true,
      rejectWhenFull: true,
      handle: async ({ body, context }) => mine(given(await users.change(signedIn(context).userId, body, context))),
    }),
    route({
      method: 'delete',
      path: '/me',
      access: 'user',
      operationId: 'deleteOwnUser',
      summary: 'Delete your own user, with every sign-in. Purchases stay, by id.',
      response: { status: 204 },
      problems: ['precondition-failed', 'last-admin'],
      idempotent: true,
      handle: async ({ context }) => {
        const who = signedIn(context);
        return mine(done(await users.remove(who.userId, who, context)));
      },
    }),
    route({
      method: 'put',
      path: '/me/password',
      access: 'user',
      operationId: 'changePassword',
      summary: 'Set a new password and end every other sign-in of yours.',
      body: passwordChange,
      response: { status: 204 },
      problems: ['precondition-failed'],
      idempotent: true,
      passwords: ['currentPassword', 'newPassword'],
      limit: 'sign-in',
      handle: async ({ body, context }) => done(await users.changePassword(signedIn(context), body, context)),
    }),
  ];
}

/** What names a user by id, and the list: for admins, but for reading oneself. */
function anyUserRoutes(users: UserRules, cursors: Cursors): Route[] {
  return [
    route({
      method: 'get',
      path: '/',
      access: 'admin',
      operationId: 'listUsers',
      summary: 'List all users, newest first.',
      query: listQuery,
      response: { status: 200, body: userPage },
      handle: ({ query, context }) =>
        answerPage(cursors, 'users', query, (after, limit) => users.list(after, limit, context), shown),
    }),
    route({
      method: 'get',
      path: '/:id',
      access: 'user',
      operationId: 'getUser',
      summary: 'Read a user: yourself, or as an admin any.',
      params: userParams,
      response: { status: 200, body: userOut, etag: true },
      problems: ['forbidden', 'not-found'],
      handle: async ({ params, context }) => {
        const { userId, role } = signedIn(context);
        if (params.id === userId) return mine(got(await users.get(userId, context)));
        if (role !== 'admin') return refuse('forbidden', 'Only an admin may read other users.');
        return got(await users.get(params.id, context));
      },
    }),
    route({
      method: 'patch',
      path: '/:id',
      access: 'admin',
      operationId: 'updateUser',
      summary: "Change a user's names or role.",
      params: userParams,
      body: changes,
      response: { status: 200, body: userOut, etag: true },
      problems: ['precondition-failed', 'not-found', 'last-admin'],
      idempotent: true,
      handle: async ({ params, body, context }) => given(await users.change(params.id, body, context)),
    }),
    route({
      method: 'delete',
      path: '/:id',
      access: 'admin',
      operationId: 'deleteUser',
      summary: 'Delete a user, with every sign-in. Purchases stay, by id.',
      params: userParams,
      response: { status: 204 },
      problems: ['precondition-failed', 'not-found', 'last-admin'],
      idempotent: true,
      handle: async ({ params, context }) => done(await users.remove(params.id, undefined, context)),
    }),
  ];
}

function shown({ createdAtMs, updatedAtMs, id, email, firstName, lastName, role }: User): UserOut {
  const times = { createdAt: rfc3339(createdAtMs), updatedAt: rfc3339(updatedAtMs) };
  return { id, email, firstName, lastName, role, ...times };
}

function userAnswer({ value: user, replayed }: Written<User>): Answer {
  return { status: 200, body: shown(user), etag: String(user.version), replayed };
}

function got(user: User | Refusal): Answer | Refusal {
  return isRefusal(user) ? user : userAnswer(written(user, false));
}

function given(outcome: Written<User> | Refusal): Answer | Refusal {
  return isRefusal(outcome) ? outcome : userAnswer(outcome);
}

/** 204, or the refusal. */
export function done(outcome: Written | Refusal): Answer | Refusal {
  return isRefusal(outcome) ? outcome : { status: 204, replayed: outcome.replayed };
}

/** The token of a deleted user gets the same refusal as one of an ended sign-in, not 404. */
function mine(answer: Answer | Refusal): Answer | Refusal {
  return isRefusal(answer) && answer.code === 'not-found'
    ? refuse('session-ended', 'This user has been deleted.')
    : answer;
}
