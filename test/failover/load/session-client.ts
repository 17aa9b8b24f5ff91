/**
 * Users who come and go: they sign up, sign in, use and refresh their tokens, and end their sign-ins in every way there is. Tokens are
 * tried before and after, at all three services, for the checker to judge.
 */
import { createHash } from 'node:crypto';
import { outcomeOf } from '../ledger/outcome.ts';
import type { Account } from './fixtures.ts';
import type { Client, Sending } from './http-client.ts';
import type { Actor } from './load.ts';
import type { Random } from './random.ts';

type User = { id: string; email: string; password: string; isAdmin: boolean; changing: boolean };
type SignIn = {
  readonly label: string;
  readonly user: User;
  readonly startedMs: number;
  accessToken: string;
  refreshToken: string;
  /** An earlier refresh token, and when it was exchanged. */
  used?: { token: string; atMs: number };
  refreshing: boolean;
  /** When its end was asked for. */
  endedMs?: number;
};
type Session = { accessToken: string; refreshToken: string };

/** Access tokens live 5 minutes: sign-ins older than this are not used any more. */
const usedForMs = 200_000;
/** For how long the shop answers a refresh token that was exchanged, and some more. */
const repeatedForMs = 33_000;
const mostSignIns = 12;
/** For how long the tokens of an ended sign-in are still tried. */
const triedAfterEndMs = 5000;
/** How often a sign-in, a role or a user is ended. */
const endEveryMs = 1500;

const digest = (text: string) => createHash('sha256').update(text).digest('base64url').slice(0, 16);

/** One client that plays all of these users. @param nowMs the ledger's clock @param label goes into addresses */
export function sessionClient(admin: Account, label: string, nowMs: () => number): Actor {
  const signIns: SignIn[] = [];
  let users = 0;
  let sessions = 0;
  let lastEndMs = nowMs();

  const asAdmin = (sending: Omit<Sending, 'userId' | 'token'>): Sending => ({
    ...sending,
    userId: admin.userId,
    token: admin.token,
  });

  async function signUp(client: Client, random: Random): Promise<void> {
    const email = `${label}-session-${++users}@example.com`;
    const password = `correct horse ${label}`;
    const { outcome } = await client.send({
      kind: 'sign-up',
      method: 'POST',
      path: '/users',
      about: {},
      body: { email, firstName: 'Session', lastName: `${users}` },
      secret: { password },
    });
    if (outcome.kind !== 'ok') return;
    const user: User = { id: (outcome.body as { id: string }).id, email, password, isAdmin: false, changing: true };
    if (random.next() < 0.35) {
      const promoted = await client.send(
        asAdmin({
          kind: 'promote',
          method: 'PATCH',
          path: `/users/${user.id}`,
          about: { subjectId: user.id },
          body: { role: 'admin' },
        }),
      );
      user.isAdmin = promoted.outcome.kind === 'ok';
    }
    for (let count = random.int(1, 3); count > 0; count--) await signIn(client, user, user.password, 'right');
    user.changing = false;
  }

  async function signIn(client: Client, user: User, password: string, expected: 'right' | 'wrong'): Promise<void> {
    const name = `${label}-${++sessions}`;
    let session: Session | undefined;
    await client.send({
      kind: 'sign-in',
      method: 'POST',
      path: '/users/login',
      about: { session: name, subjectId: user.id, password: expected },
      secret: { email: user.email, password },
      keep: (body: Session) => {
        session = body;
        return { refreshToken: digest(body.refreshToken) };
      },
    });
    if (session === undefined || expected === 'wrong') return;
    const { accessToken, refreshToken } = session;
    signIns.push({ label: name, user, startedMs: nowMs(), accessToken, refreshToken, refreshing: false });
    if (signIns.length > 4 * mostSignIns) signIns.shift();
  }

  /** Sends one request with the token of a sign-in: at each service a read or a write that changes nothing of importance. */
  function useToken(client: Client, signIn: SignIn, random: Random) {
    const { user, accessToken: token } = signIn;
    const about = { session: signIn.label, subjectId: user.id };
    const unknown = `${label}-unknown`;
    if (user.isAdmin && random.next() < 0.5) {
      const use = random.pick([
        { kind: 'admin-use', method: 'PATCH', path: `/products/${unknown}`, body: { name: 'unknown' } },
        { kind: 'admin-use', method: 'GET', path: '/users?limit=1', keep: () => ({}) },
      ] as const);
      return client.send({ ...use, about, userId: user.id, token });
    }
    const use = random.pick([
      { kind: 'session-use', method: 'GET', path: '/users/me' },
      { kind: 'session-use', method: 'PATCH', path: '/users/me', body: { firstName: `Name ${random.int(1, 9)}` } },
      { kind: 'session-use', method: 'GET', path: '/purchases?limit=1', keep: () => ({}) },
      { kind: 'session-use', method: 'POST', path: `/purchases/${unknown}/cancel` },
    ] as const);
    return client.send({ ...use, about, userId: user.id, token });
  }

  /** Exchanges the refresh token, and often repeats that, as a client does that lost the answer. */
  async function refresh(client: Client, signIn: SignIn, random: Random): Promise<void> {
    if (signIn.refreshing) return;
    signIn.refreshing = true;
    const token = signIn.refreshToken;
    let session: Session | undefined;
    const exchange = () =>
      client.send({
        kind: 'refresh',
        method: 'POST',
        path: '/users/refresh',
        about: { session: signIn.label, subjectId: signIn.user.id, refreshOf: digest(token) },
        secret: { refreshToken: token },
        keep: (body: Session) => {
          session = body;
          return { refreshToken: digest(body.refreshToken) };
        },
      });
    await exchange();
    if (session !== undefined && random.next() < 0.5) await exchange();
    if (session !== undefined) {
      signIn.used = { token, atMs: nowMs() };
      signIn.accessToken = session.accessToken;
      signIn.refreshToken = session.refreshToken;
    }
    signIn.refreshing = false;
  }

  /** Sends what ends sign-ins, and remembers which. */
  async function sendEnding(client: Client, sending: Sending) {
    const sent = await client.send(sending);
    for (const signIn of signIns) if (sending.about.ends?.includes(signIn.label)) signIn.endedMs ??= nowMs();
    return sent;
  }

  const liveSignInsOf = (user: User) => signIns.filter((each) => each.user === user).map((each) => each.label);

  /** Ends sign-ins; their tokens go on being tried. */
  async function end(client: Client, signIn: SignIn, random: Random): Promise<void> {
    const { user, label: session, accessToken: token } = signIn;
    if (user.changing) return;
    user.changing = true;
    const all = liveSignInsOf(user);
    const way = random.pick(['sign-out', 'sign-out', 'password', 'own deletion', 'deletion', 'demotion'] as const);
    const own = { userId: user.id, token };
    if (way === 'sign-out') {
      await sendEnding(client, {
        kind: 'end-session',
        method: 'POST',
        path: '/users/logout',
        about: { ends: [session], subjectId: user.id },
        secret: { refreshToken: signIn.refreshToken },
      });
    } else if (way === 'password') {
      const before = user.password;
      const newPassword = `${before}!`;
      const { operation } = await sendEnding(client, {
        kind: 'end-session',
        method: 'PUT',
        path: '/users/me/password',
        about: { ends: all.filter((each) => each !== session), subjectId: user.id, changesPassword: true, session },
        secret: { currentPassword: before, newPassword },
        ...own,
      });
      if (outcomeOf(operation).kind === 'ok') {
        user.password = newPassword;
        await refusedSignIn(client, user, before);
      }
    } else if (way === 'own deletion' || way === 'deletion') {
      const about = { ends: all, subjectId: user.id, deletes: true, ...(way === 'deletion' ? {} : { session }) };
      const deletion = { kind: 'end-session', method: 'DELETE', about } as const;
      if (way === 'deletion') await sendEnding(client, asAdmin({ ...deletion, path: `/users/${user.id}` }));
      else await sendEnding(client, { ...deletion, path: '/users/me', ...own });
      await refusedSignIn(client, user, user.password);
      return; // nothing more can be done with this user
    } else if (user.isAdmin) {
      await client.send(
        asAdmin({
          kind: 'demote',
          method: 'PATCH',
          path: `/users/${user.id}`,
          about: { subjectId: user.id },
          body: { role: 'customer' },
        }),
      );
    }
    user.changing = false;
  }
  /** A sign-in that has to be refused. */
  const refusedSignIn = (client: Client, user: User, password: string) => signIn(client, user, password, 'wrong');

  async function reuse(client: Client, signIn: SignIn): Promise<void> {
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
  }

  return {
    name: 'session-users',
    everyMs: 120,
    act(client, random) {
      const usable = signIns.filter(
        ({ startedMs, endedMs = nowMs() }) => nowMs() - startedMs < usedForMs && nowMs() - endedMs < triedAfterEndMs,
      );
      const chance = random.next();
      const liveCount = usable.filter(({ endedMs }) => endedMs === undefined).length;
      if (liveCount === 0 || (chance < 0.06 && liveCount < mostSignIns)) {
        return signUp(client, random);
      }
      const ended = usable.filter(({ endedMs }) => endedMs !== undefined);
      const live = usable.filter(({ endedMs }) => endedMs === undefined).slice(-mostSignIns);
      if (live.length === 0 || (ended.length > 0 && random.next() < 0.3)) {
        return useToken(client, random.pick(ended), random);
      }
      const signIn = random.pick(live);
      const old = usable.find(({ used }) => used !== undefined && nowMs() - used.atMs > repeatedForMs);
      if (old !== undefined && chance < 0.1) return reuse(client, old);
      if (nowMs() - lastEndMs > endEveryMs) {
        lastEndMs = nowMs();
        return end(client, signIn, random);
      }
      if (chance < 0.18) return refresh(client, signIn, random);
      return useToken(client, signIn, random);
    },
  };
}
