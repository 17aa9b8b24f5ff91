/**
 * Users who come and go: they sign up, sign in, use and refresh their tokens, and end their sign-ins in every way there is. Tokens are
 * tried before and after, at all three services, for the checker to judge.
 */
import type { Account } from './fixtures.ts';
import type { Client } from './http-client.ts';
import type { Actor } from './load.ts';
import type { Random } from './random.ts';
import { type AsAdmin, changeRole, createEndings } from './session-endings.ts';
import { createSignIns, mostSignIns, refresh, type SignIn, type User } from './sign-ins.ts';

/** Access tokens live 5 minutes: sign-ins older than this are not used any more. */
const usedForMs = 200_000;
/** For how long the shop answers a refresh token that was exchanged, and some more. */
const repeatedForMs = 33_000;
/** For how long the tokens of an ended sign-in are still tried. */
const triedAfterEndMs = 5000;
/** How often a sign-in, a role or a user is ended. */
const endEveryMs = 1500;

/** One client that plays all of these users. @param nowMs the recorder's clock @param label goes into addresses */
export function sessionClient(admin: Account, label: string, nowMs: () => number): Actor {
  const asAdmin: AsAdmin = (sending) => ({ ...sending, userId: admin.userId, token: admin.token });
  const signIns = createSignIns(label, nowMs);
  const endings = createEndings(signIns, asAdmin, nowMs);
  let users = 0;
  let lastEndMs = nowMs();

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
      const promoted = await client.send(asAdmin(changeRole(user.id, 'admin')));
      user.isAdmin = promoted.outcome.kind === 'ok';
    }
    for (let count = random.int(1, 3); count > 0; count--) await signIns.begin(client, user, user.password, 'right');
    user.changing = false;
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

  return {
    name: 'session-users',
    everyMs: 120,
    act(client, random) {
      const usable = signIns.all.filter(
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
      if (old !== undefined && chance < 0.1) return endings.reuse(client, old);
      if (nowMs() - lastEndMs > endEveryMs) {
        lastEndMs = nowMs();
        return endings.end(client, signIn, random);
      }
      if (chance < 0.18) return refresh(client, signIn, nowMs, random);
      return useToken(client, signIn, random);
    },
  };
}
