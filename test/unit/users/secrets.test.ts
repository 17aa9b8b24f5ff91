/** Refresh tokens, sealed answers and hashes of passwords. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { deadlineIn } from '../../../api/core/clock.ts';
import { newId } from '../../../api/core/ids.ts';
import { Unavailable } from '../../../api/core/outcome.ts';
import { createPasswords } from '../../../api/users/passwords.ts';
import { keyFromToken, refreshTokens } from '../../../api/users/refresh-tokens.ts';
import { newSealKey, seal, unseal } from '../../../api/users/sealed.ts';

describe('refresh tokens', () => {
  const tokens = refreshTokens('a secret');
  const claims = { userId: newId(), sessionId: newId(), generation: 7 };

  it('say what they were issued for', () => {
    expect(tokens.read(tokens.issue(claims))).toEqual(claims);
  });

  it('of another secret, another generation or another form are none', () => {
    const token = tokens.issue(claims);
    const [user, session, , mac] = token.split('.');
    const forged = [
      refreshTokens('another secret').issue(claims),
      `${user}.${session}.8.${mac}`,
      `${user}.${session}.07.${mac}`,
      `${token} `,
      token.slice(0, -1),
      '',
      '....',
    ];
    for (const text of forged) expect(tokens.read(text)).toBeUndefined();
  });

  it('give keys that differ by token', () => {
    const key = keyFromToken(tokens.issue(claims));
    expect(key).toHaveLength(32);
    expect(key.equals(keyFromToken(tokens.issue({ ...claims, generation: 8 })))).toBe(false);
  });
});

describe('what is sealed', () => {
  const key = Buffer.from(newSealKey(), 'base64url');

  it('is read with the same key', () => {
    expect(unseal(key, seal(key, 'Ada Lovelace ♥'))).toBe('Ada Lovelace ♥');
  });

  it('looks different every time', () => {
    expect(seal(key, 'x')).not.toBe(seal(key, 'x'));
  });

  it('cannot be read with another key, nor changed', () => {
    const sealed = seal(key, 'Ada');
    expect(() => unseal(randomBytes(32), sealed)).toThrow();
    expect(() => unseal(key, `${sealed.slice(0, -4)}AAAA`)).toThrow();
  });
});

describe('passwords', () => {
  it('are right in any composition of the same characters', async () => {
    const passwords = createPasswords();
    const stored = await passwords.hash('Ma\u00f1ana ma\u00f1ana', deadlineIn(5000));
    expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await passwords.verify(stored, 'Man\u0303ana man\u0303ana', deadlineIn(5000))).toBe(true);
    expect(await passwords.verify(stored, 'manana manana', deadlineIn(5000))).toBe(false);
  });

  it('match no account without a hash', async () => {
    expect(await createPasswords().verify(undefined, '', deadlineIn(5000))).toBe(false);
  });

  it.each([
    { cores: 1, atOnce: 1 },
    { cores: 2, atOnce: 1 },
    { cores: 4, atOnce: 2 },
    { cores: 64, atOnce: 3 },
  ])(
    'are checked $atOnce at a time with $cores cores, while fifty wait for each; one more is turned away at once',
    async ({ cores, atOnce }) => {
      const passwords = createPasswords(cores);
      const check = (remainingMs: number) => passwords.verify(undefined, 'x', deadlineIn(remainingMs)).catch(String);
      const checked = Array.from({ length: atOnce }, () => check(30_000));
      const waiting = Array.from({ length: 50 * atOnce }, () => check(0)); // these are refused without being checked when it is their turn
      expect(await check(30_000)).toContain('too many passwords wait');
      expect(await Promise.all(checked)).toEqual(checked.map(() => false));
      for (const each of await Promise.all(waiting)) expect(each).toContain('no time left');
    },
  );

  it('that could not be checked in time are turned away, and the rest are checked', async () => {
    const passwords = createPasswords(2);
    const all = Array.from({ length: 60 }, () => passwords.verify(undefined, 'x', deadlineIn(200)));
    const results = await Promise.allSettled(all);
    const refused = results.filter((each) => each.status === 'rejected');
    expect(refused.length).toBeGreaterThanOrEqual(8);
    for (const each of refused) expect(each.reason).toBeInstanceOf(Unavailable);
    expect(await passwords.verify(undefined, 'x', deadlineIn(5000))).toBe(false);
  });
});
