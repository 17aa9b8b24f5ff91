/** The sign-ins of the users who come and go: begun with a password, kept with a refresh token. */
import { createHash } from 'node:crypto';
import type { Client } from './http-client.ts';
import type { Random } from './random.ts';

/** A user whose sign-ins are used, ended and tried again. `changing`: a request that ends sign-ins is under way. */
export type User = { id: string; email: string; password: string; isAdmin: boolean; changing: boolean };

/** One sign-in, with its present tokens. */
export type SignIn = {
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

/** All sign-ins of a run, the newest last. */
export type SignIns = {
  readonly all: readonly SignIn[];
  /** Signs a user in. @param expected whether the password is the right one: a wrong one must be refused */
  begin(client: Client, user: User, password: string, expected: 'right' | 'wrong'): Promise<void>;
};

/** How many sign-ins are used at a time. */
export const mostSignIns = 12;

const digest = (text: string) => createHash('sha256').update(text).digest('base64url').slice(0, 16);

/** @param label goes into the names of the sign-ins @param nowMs the recorder's clock */
export function createSignIns(label: string, nowMs: () => number): SignIns {
  const all: SignIn[] = [];
  let sessions = 0;
  return {
    all,
    async begin(client, user, password, expected) {
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
      all.push({ label: name, user, startedMs: nowMs(), accessToken, refreshToken, refreshing: false });
      if (all.length > 4 * mostSignIns) all.shift();
    },
  };
}

/** Exchanges the refresh token, and often repeats that, as a client does that lost the answer. */
export async function refresh(client: Client, signIn: SignIn, nowMs: () => number, random: Random): Promise<void> {
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
