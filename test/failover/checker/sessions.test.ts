/** The checker's rules about sessions and deletions, on histories made by hand. */
import { expect, test } from 'vitest';
import type { History, Kind, Operation } from '../history/history.ts';
import { check } from './check.ts';

type About = Operation['about'];

let op = 0;
/** A request that was answered once. */
function answered(kind: Kind, about: About, status: number, invokedMs: number, body: unknown = {}): Operation {
  const method = kind === 'session-use' ? 'GET' : 'POST';
  return {
    op: op++,
    actor: 'session-users',
    kind,
    method,
    path: '/',
    about,
    attempts: [{ invokedMs, endedMs: invokedMs + 10, status, body }],
  };
}

function unanswered(kind: Kind, about: About, invokedMs: number): Operation {
  const given = answered(kind, about, 0, invokedMs);
  return { ...given, attempts: [{ invokedMs, endedMs: invokedMs + 12_000, error: 'no answer' }] };
}

const use = (status: number, atMs: number, session = 's1') =>
  answered('session-use', { session, subjectId: 'ann' }, status, atMs);
const adminUse = (status: number, atMs: number) =>
  answered('admin-use', { session: 's1', subjectId: 'ann' }, status, atMs);
const signOut = (atMs: number) => answered('end-session', { ends: ['s1'], subjectId: 'ann' }, 204, atMs);

function rules(operations: Operation[], final: Partial<NonNullable<History['final']>> = {}): string[] {
  return check({
    seed: 1,
    title: 'by hand',
    fixtures: { users: [], products: [] },
    operations,
    faults: [],
    final: {
      purchases: [],
      products: [],
      userIds: [],
      histories: {},
      foldedStock: {},
      digests: {},
      differing: [],
      ...final,
    },
  }).map(({ kind, rule }) => `${kind}: ${rule}`);
}

test('a token that is used before its sign-in ends, and refused within a second afterwards, is no violation', () => {
  expect(rules([use(200, 0), signOut(100), use(200, 1000), use(401, 500), use(401, 2000)])).toEqual([]);
});

test('a token that is accepted more than a second after the sign-out is found, for reads and writes', () => {
  const write: Operation = { ...use(404, 1200), method: 'POST' };
  expect(rules([signOut(100), use(200, 1111), write])).toEqual([
    'wrong: a token that was ended is refused',
    'wrong: a token that was ended is refused',
  ]);
});

test('a token that is refused before anything asked for its end is found', () => {
  expect(rules([use(401, 0), signOut(100)])).toEqual(['wrong: a token works until it is ended']);
});

test('an end whose outcome is unknown allows both answers', () => {
  const unknown = unanswered('end-session', { ends: ['s1'], subjectId: 'ann' }, 100);
  expect(rules([unknown, use(200, 20_000), use(401, 20_000)])).toEqual([]);
});

test('a password change ends the other sign-ins and not the present one', () => {
  const change = answered(
    'end-session',
    { ends: ['s2'], session: 's1', subjectId: 'ann', changesPassword: true },
    204,
    100,
  );
  expect(rules([change, use(200, 5000), use(401, 5000, 's2')])).toEqual([]);
  expect(rules([change, use(200, 5000, 's2')])).toEqual(['wrong: a token that was ended is refused']);
});

test('an old password that signs in is found, and a right one that does not', () => {
  const change = answered('end-session', { ends: [], subjectId: 'ann', changesPassword: true }, 204, 100);
  const signIn = (password: 'right' | 'wrong', status: number) =>
    answered('sign-in', { subjectId: 'ann', password }, status, 500);
  expect(rules([change, signIn('wrong', 401), signIn('right', 200)])).toEqual([]);
  expect(rules([change, signIn('wrong', 200), signIn('right', 401)])).toEqual([
    'wrong: the old password does not sign in',
    'lost: the right password signs in',
  ]);
});

test('a demoted admin whose token still opens what is for admins is found, and one who is refused too early', () => {
  const demotion = answered('demote', { subjectId: 'ann' }, 200, 100);
  expect(rules([adminUse(200, 50), demotion, adminUse(200, 900), adminUse(403, 2000)])).toEqual([]);
  expect(rules([demotion, adminUse(200, 2000)])).toEqual(['wrong: a demoted admin is refused']);
  expect(rules([adminUse(403, 50), demotion])).toEqual(['wrong: an admin stays one until demoted']);
});

test('a deleted user who is still there, or signs in, is found', () => {
  const signUp = answered('sign-up', {}, 201, 0, { id: 'ann' });
  const deletion = answered('end-session', { ends: ['s1'], subjectId: 'ann', deletes: true }, 204, 100);
  const signIn = answered('sign-in', { subjectId: 'ann', password: 'wrong' }, 200, 200);
  expect(rules([signUp, deletion])).toEqual([]);
  expect(rules([signUp, deletion, signIn], { userIds: ['ann'] })).toEqual([
    'lost: acknowledged deletions are stored',
    'wrong: a deleted user cannot sign in',
  ]);
});

test('a deletion that is refused when it is repeated under its key is found', () => {
  const deletion = answered('end-session', { ends: ['s1'], session: 's1', subjectId: 'ann', deletes: true }, 401, 500);
  deletion.attempts.unshift({ invokedMs: 0, endedMs: 400, status: 503 });
  expect(rules([deletion])).toEqual(['wrong: what ends a sign-in or a role is carried out']);
});

test('a used refresh token that gives a session is found, and after its refusal the sign-in has ended', () => {
  const reuse = (status: number) => answered('reuse', { ends: ['s1'], subjectId: 'ann' }, status, 100);
  expect(rules([reuse(401), use(401, 2000)])).toEqual([]);
  expect(rules([reuse(401), use(200, 2000)])).toEqual(['wrong: a token that was ended is refused']);
  expect(rules([reuse(200)])).toContain('wrong: a used refresh token is refused');
});

test('a refresh token that gives two sessions, or none, is found', () => {
  const refresh = (status: number, refreshToken: string) =>
    answered('refresh', { session: 's1', refreshOf: 'r1' }, status, 0, { refreshToken });
  expect(rules([refresh(200, 'r2'), refresh(200, 'r2')])).toEqual([]);
  expect(rules([refresh(200, 'r2'), refresh(200, 'r3')])).toEqual(['doubled: one session for each refresh token']);
  expect(rules([refresh(401, '')])).toEqual(['lost: a refresh token works until its sign-in ends']);
});

test('a deleted product that is still there, or still read by the admin, is found', () => {
  const deletion = answered('delete-product', { productId: 'c-1' }, 204, 0);
  const read = (status: number) => answered('read-deleted-product', { productId: 'c-1' }, status, 20);
  const product = { id: 'c-1', stock: 1, name: 'c-1 v0', price: 1 };
  expect(rules([deletion, read(404)])).toEqual([]);
  expect(rules([deletion, read(200)], { products: [product] })).toEqual([
    'lost: acknowledged deletions are stored',
    'lost: own writes are read back',
  ]);
});
