/** Routes of users: sign-up, the caller's own user, and any user for admins. */
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
      handle: async ({ context }) => own(readAnswer(await users.get(signedIn(context).userId, context))),
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
      handle: async ({ body, context }) =>
        own(writeAnswer(await users.change(signedIn(context).userId, body, context))),
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
        const caller = signedIn(context);
        return own(noContent(await users.remove(caller.userId, caller, context)));
      },
    }),
    route({
      method: 'put',
      path: '/me/password',
      access: 'user',
      operationId: 'changePassword',
      summary: 'Set a new password and end your other sign-ins.',
      body: passwordChange,
      response: { status: 204 },
      problems: ['precondition-failed'],
      idempotent: true,
      passwords: ['currentPassword', 'newPassword'],
      limit: 'sign-in',
      handle: async ({ body, context }) => noContent(await users.changePassword(signedIn(context), body, context)),
    }),
  ];
}

/** Routes that name a user by id, and the list: for admins, except that users may read themselves. */
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
        answerPage(cursors, 'users', query, (after, limit) => users.list(after, limit, context), showUser),
    }),
    route({
      method: 'get',
      path: '/:id',
      access: 'user',
      operationId: 'getUser',
      summary: 'Read your own user, or as an admin any user.',
      params: userParams,
      response: { status: 200, body: userOut, etag: true },
      problems: ['forbidden', 'not-found'],
      handle: async ({ params, context }) => {
        const { userId, role } = signedIn(context);
        if (params.id === userId) return own(readAnswer(await users.get(userId, context)));
        if (role !== 'admin') return refuse('forbidden', 'Only an admin may read other users.');
        return readAnswer(await users.get(params.id, context));
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
      handle: async ({ params, body, context }) => writeAnswer(await users.change(params.id, body, context)),
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
      handle: async ({ params, context }) => noContent(await users.remove(params.id, undefined, context)),
    }),
  ];
}

function showUser({ createdAtMs, updatedAtMs, id, email, firstName, lastName, role }: User): UserOut {
  const times = { createdAt: rfc3339(createdAtMs), updatedAt: rfc3339(updatedAtMs) };
  return { id, email, firstName, lastName, role, ...times };
}

function userAnswer({ value: user, replayed }: Written<User>): Answer {
  return { status: 200, body: showUser(user), etag: String(user.version), replayed };
}

function readAnswer(user: User | Refusal): Answer | Refusal {
  return isRefusal(user) ? user : userAnswer(written(user, false));
}

function writeAnswer(outcome: Written<User> | Refusal): Answer | Refusal {
  return isRefusal(outcome) ? outcome : userAnswer(outcome);
}

/** 204, or the refusal. */
export function noContent(outcome: Written | Refusal): Answer | Refusal {
  return isRefusal(outcome) ? outcome : { status: 204, replayed: outcome.replayed };
}

/** The answer about the caller's own user: the token of a deleted user gets the refusal of an ended sign-in, not 404. */
function own(answer: Answer | Refusal): Answer | Refusal {
  return isRefusal(answer) && answer.code === 'not-found'
    ? refuse('session-ended', 'This user has been deleted.')
    : answer;
}
