/** The ways in which sign-ins end: signing out, another password, a deletion, a demotion, a refresh token that is used twice. */
import { outcomeOf } from '../history/outcome.ts';
import type { Client, Sending } from './http-client.ts';
import type { Random } from './random.ts';
import type { SignIn, SignIns, User } from './sign-ins.ts';

/** A request as the first admin sends it. */
export type AsAdmin = (sending: Omit<Sending, 'userId' | 'token'>) => Sending;

/** The request by which an admin gives or takes the role of an admin. */
export function changeRole(userId: string, role: 'admin' | 'customer') {
  return {
    kind: role === 'admin' ? 'promote' : 'demote',
    method: 'PATCH',
    path: `/users/${userId}`,
    about: { subjectId: userId },
    body: { role },
  } as const;
}

/** See {@link createEndings}. */
export type Endings = {
  /** Ends a sign-in in a way chosen by `random`. Its tokens go on being tried. */
  end(client: Client, signIn: SignIn, random: Random): Promise<void>;
  /** Uses a refresh token that was exchanged before, which ends its sign-in. */
  reuse(client: Client, signIn: SignIn): Promise<void>;
};

/** @param nowMs the recorder's clock */
export function createEndings(signIns: SignIns, asAdmin: AsAdmin, nowMs: () => number): Endings {
  /** Sends what ends sign-ins, and remembers which. */
  async function sendEnding(client: Client, sending: Sending) {
    const sent = await client.send(sending);
    for (const signIn of signIns.all) if (sending.about.ends?.includes(signIn.label)) signIn.endedMs ??= nowMs();
    return sent;
  }

  const labelsOf = (user: User) => signIns.all.filter((each) => each.user === user).map((each) => each.label);
  /** A sign-in that has to be refused. */
  const refusedSignIn = (client: Client, user: User, password: string) =>
    signIns.begin(client, user, password, 'wrong');

  async function changePassword(client: Client, { user, label: session, accessToken: token }: SignIn) {
    const before = user.password;
    const newPassword = `${before}!`;
    const { operation } = await sendEnding(client, {
      kind: 'end-session',
      method: 'PUT',
      path: '/users/me/password',
      about: {
        ends: labelsOf(user).filter((each) => each !== session),
        subjectId: user.id,
        changesPassword: true,
        session,
      },
      secret: { currentPassword: before, newPassword },
      userId: user.id,
      token,
    });
    if (outcomeOf(operation).kind !== 'ok') return;
    user.password = newPassword;
    await refusedSignIn(client, user, before);
  }

  async function deleteUser(client: Client, { user, label: session, accessToken: token }: SignIn, byAdmin: boolean) {
    const about = { ends: labelsOf(user), subjectId: user.id, deletes: true, ...(byAdmin ? {} : { session }) };
    const deletion = { kind: 'end-session', method: 'DELETE', about } as const;
    if (byAdmin) await sendEnding(client, asAdmin({ ...deletion, path: `/users/${user.id}` }));
    else await sendEnding(client, { ...deletion, path: '/users/me', userId: user.id, token });
    await refusedSignIn(client, user, user.password);
  }

  return {
    async end(client, signIn, random) {
      const { user } = signIn;
      if (user.changing) return;
      user.changing = true;
      const way = random.pick(['sign-out', 'sign-out', 'password', 'own deletion', 'deletion', 'demotion'] as const);
      if (way === 'sign-out') {
        await sendEnding(client, {
          kind: 'end-session',
          method: 'POST',
          path: '/users/logout',
          about: { ends: [signIn.label], subjectId: user.id },
          secret: { refreshToken: signIn.refreshToken },
        });
      } else if (way === 'password') await changePassword(client, signIn);
      else if (way === 'own deletion' || way === 'deletion') {
        await deleteUser(client, signIn, way === 'deletion');
        return; // nothing more can be done with this user
      } else if (user.isAdmin) {
        await client.send(asAdmin(changeRole(user.id, 'customer')));
      }
      user.changing = false;
    },
    async reuse(client, signIn) {
      const { used, label: session, user } = signIn;
      if (used === undefined || user.changing) return;
      user.changing = true;
      delete signIn.used;
      await sendEnding(client, {
        kind: 'reuse',
        method: 'POST',
        path: '/users/refresh',
        about: { ends: [session], subjectId: user.id },
        secret: { refreshToken: used.token },
        keep: () => ({}),
      });
      user.changing = false;
    },
  };
}
