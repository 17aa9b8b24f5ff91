/** The small rules of the HTTP layer: cursors, write identities, conditions, ids, the list of problems. */
import type { Request } from 'express';
import { describe, expect, test } from 'vitest';
import { idPattern, newId } from '../../../api/core/ids.ts';
import { isRefusal, refuse } from '../../../api/core/outcome.ts';
import { problems } from '../../../api/core/problems.ts';
import { type Caller, type WriteIdentity, wantedTags } from '../../../api/core/request.ts';
import { ifMatchOf } from '../../../api/http/answer.ts';
import { repeatedRevocation, writeIdentity } from '../../../api/http/idempotency.ts';
import type { UserCaller } from '../../../api/http/identity.ts';
import { cursors } from '../../../api/http/lists.ts';
import { keyedHash } from '../../../api/http/secrets.ts';

function request(headers: Record<string, string>, method = 'POST', path = '/products'): Request {
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return {
    method,
    baseUrl: '',
    path,
    query: {},
    get: (name: string) => lower[name.toLowerCase()],
  } as unknown as Request;
}

const ann: UserCaller = { kind: 'user', address: '127.0.0.1', userId: 'ann', sessionId: 's', role: 'admin' };
const bob: Caller = { ...ann, userId: 'bob' };
const identity = (key: string, body: unknown = {}, caller: Caller = ann) => {
  const made = writeIdentity(request({ 'Idempotency-Key': key }), caller, body, 'secret');
  if (isRefusal(made)) throw new Error(made.detail);
  return made;
};

describe('a cursor', () => {
  const { seal, open } = cursors('secret');
  const question = { sort: 'price', category: 'boots' };

  test('gives back what it was made with, for the same question only', () => {
    const cursor = seal(question, 'x\0é');
    expect(open(question, cursor)).toBe('x\0é');
    expect(open({ ...question, sort: 'name' }, cursor)).toBeUndefined();
  });

  test('that is made up, cut short or changed is not opened', () => {
    const cursor = seal(question, '000123\0some-product');
    for (const wrong of [
      '',
      'abc',
      cursor.slice(0, -2),
      `${cursor}A`,
      cursor.replace(/^./, (c) => (c === 'A' ? 'B' : 'A')),
    ]) {
      expect(open(question, wrong)).toBeUndefined();
    }
    expect(cursors('another secret').open(question, cursor)).toBeUndefined();
  });
});

describe('the identity of a write', () => {
  test('is the same for the same caller, method, path and key, quoted or bare', () => {
    expect(identity('"abc"').id).toBe(identity('abc').id);
  });

  test('differs between callers and keys', () => {
    const ids = [identity('k'), identity('K'), identity('k', {}, bob)].map((each) => each.id);
    expect(new Set(ids).size).toBe(3);
  });

  test('has the same fingerprint for the same JSON in another order, and another for another body', () => {
    expect(identity('k', { a: 1, b: { c: 2, d: 3 } }).fingerprint).toBe(
      identity('k', { b: { d: 3, c: 2 }, a: 1 }).fingerprint,
    );
    expect(identity('k', { a: 1 }).fingerprint).not.toBe(identity('k', { a: '1' }).fingerprint);
    expect(identity('k', [1, 2]).fingerprint).not.toBe(identity('k', [2, 1]).fingerprint);
  });

  test('has the same fingerprint whatever the passwords in the body', () => {
    const of = (password: string) =>
      writeIdentity(request({}), ann, { a: 1, password }, 'secret', { passwords: ['password'] });
    expect(of('one')).toMatchObject({ fingerprint: identity('k', { a: 1 }).fingerprint });
    expect(of('two')).toMatchObject({ fingerprint: identity('k', { a: 1 }).fingerprint });
  });

  test.each(['', 'x'.repeat(256), 'a b', 'ü'])('refuses the key %j', (key) => {
    expect(isRefusal(writeIdentity(request({ 'Idempotency-Key': key }), ann, {}, 'secret'))).toBe(true);
  });

  test('is one of its own where no key came', () => {
    const one = writeIdentity(request({}), ann, {}, 'secret');
    const two = writeIdentity(request({}), ann, {}, 'secret');
    expect(one).not.toEqual(two);
  });
});

describe('a refused request that repeats the one which brought the refusal about', () => {
  const demoted = { caller: ann, refusal: refuse('forbidden', 'Only an admin may do this.'), revoked: ann };
  const { id } = identity('k');
  const revokedBy = async (write: WriteIdentity) => (write.id === id ? 'forbidden:s' : undefined);
  const repeated = (key: string | undefined, identified: Parameters<typeof repeatedRevocation>[1] = demoted) =>
    repeatedRevocation(request(key === undefined ? {} : { 'Idempotency-Key': key }), identified, 'secret', revokedBy);

  test('gets its first answer, and no other', async () => {
    expect(await repeated('k')).toEqual({ caller: ann, onlyRepeat: 'forbidden:s' });
  });

  test.each<[string, string | undefined, Parameters<typeof repeatedRevocation>[1]?]>([
    ['under another key', 'another'],
    ['without a key', undefined],
    ['under a key that cannot be', 'a b'],
    ['of another user', 'k', { ...demoted, revoked: { ...ann, userId: 'bob' } }],
    ['of another sign-in', 'k', { ...demoted, revoked: { ...ann, sessionId: 't' } }],
    ['refused for another reason', 'k', { ...demoted, refusal: refuse('session-ended', 'This sign-in has ended.') }],
    ['whose caller had no right', 'k', { caller: ann, refusal: demoted.refusal }],
    ['that is not refused', 'k', { caller: ann }],
  ])('is another one %s', async (_which, key, identified) => {
    expect(await repeated(key, identified)).toBeUndefined();
  });
});

describe('If-Match', () => {
  test.each([
    ['no header: any version', undefined, '*'],
    ['*: any version', '*', '*'],
    ['one tag', '"3"', ',3,'],
    ['several tags', '"2", "3"', ',2,3,'],
    ['a tag that Nginx marked as weak when it compressed the answer', '"2", W/"3"', ',2,3,'],
    ['a malformed tag names no version', '3', ',,'],
  ])('%s', (_, header, expected) => {
    const ifMatch = ifMatchOf(request(header === undefined ? {} : { 'If-Match': header }));
    expect(wantedTags({ ifMatch })).toBe(expected);
  });
});

describe('ids', () => {
  test('of one process only go up, also within a millisecond and when the clock goes back', () => {
    const ids = Array.from({ length: 10_000 }, (_, i) => newId(1_700_000_000_000 - (i % 3)));
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('are UUIDs of version 7 that fit into a path', () => {
    expect(newId()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(newId()).toMatch(idPattern);
  });
});

test('a keyed hash depends on how its parts are cut', () => {
  expect(keyedHash('s', 'ab', 'c')).not.toBe(keyedHash('s', 'a', 'bc'));
});

test('every problem has a status that is an error and a code fit for a URL', () => {
  for (const [code, [status, title]] of Object.entries(problems)) {
    expect(code).toMatch(/^[a-z-]+$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(title).not.toBe('');
  }
});
