/** The pure rules of `users`: what a body may say, which passwords are weak, what a change does. */
import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { deadlineIn, remainingMs } from '../../../api/core/clock.ts';
import { emailIdentity } from '../../../api/core/email.ts';
import { newId } from '../../../api/core/ids.ts';
import { Unavailable } from '../../../api/core/outcome.ts';
import { retryOnConflict } from '../../../api/core/retry-on-conflict.ts';
import { ensureFirstAdmin } from '../../../api/users/first-admin.ts';
import { emailKey } from '../../../api/users/keys.ts';
import { createPasswords } from '../../../api/users/passwords.ts';
import type { User } from '../../../api/users/record.ts';
import { storedUserAgent } from '../../../api/users/record-sessions.ts';
import { changes, credentials, signUp } from '../../../api/users/schema.ts';
import { changed } from '../../../api/users/service.ts';
import { isMadeOfOwnName, weaknessOf } from '../../../api/users/weak-passwords.ts';
import { waitFor } from '../../support/wait.ts';

const person = { email: 'ada@example.com', password: 'twelve chars', firstName: 'Ada', lastName: 'Lovelace' };
/** Letters in no order, of the alphabet that begins at this code point. */
const longWord = (length: number, first = 0x61) =>
  Array.from({ length }, (_, i) => String.fromCodePoint(first + ((7 * i + (i >> 3)) % 26))).join('');
const takes = (changes: object) => signUp.safeParse({ ...person, ...changes }).success;

describe('sign-up', () => {
  it.each([
    ['11 characters', 'x'.repeat(11), false],
    ['12 characters', longWord(12), true],
    ['128 characters', longWord(128), true],
    ['129 characters', longWord(129), false],
    ['128 characters beyond the basic plane', longWord(128, 0x1f600), true],
    ['11 characters beyond the basic plane', longWord(11, 0x1f600), false],
  ])('a password of %s', (_what, password, good) => {
    expect(takes({ password })).toBe(good);
  });

  it.each([
    '',
    'ada',
    'ada@',
    '@example.com',
    'ada@example',
    'a b@example.com',
    `${'a'.repeat(250)}@example.com`,
    7,
    null,
  ])('refuses %j as an address', (email) => expect(takes({ email })).toBe(false));

  it.each([
    { firstName: '' },
    { lastName: '  ' },
    { firstName: 'x'.repeat(201) },
    { firstName: 'Ada\nAdmin' },
    { lastName: '\u200b' },
    { role: 'admin' },
    { lastName: null },
  ])('refuses %j', (change) => expect(takes(change)).toBe(false));

  it('does not check the form of the password at a sign-in', () => {
    expect(credentials.safeParse({ email: 'no address', password: 'x' }).success).toBe(true);
  });
});

describe('a password', () => {
  it.each([
    ['administrator', 'is one of the most common passwords'],
    ['Password1234', 'is one of the most common passwords'],
    ['aaaaaaaaaaaaa', 'is one block repeated'],
    ['passwordpassword', 'is one block repeated'],
    ['🦉🐈🦉🐈🦉🐈🦉🐈🦉🐈🦉🐈🦉', 'is one block repeated'],
    ['abcdefghijklm', 'is a keyboard or alphabet sequence'],
    ['ZYXWVUTSRQPO', 'is a keyboard or alphabet sequence'],
    ['qwertz098765', 'is a keyboard or alphabet sequence'],
    ['asdfghjkl;zxc', 'is a keyboard or alphabet sequence'],
    ['йцукенгшщзхъ', 'is a keyboard or alphabet sequence'],
    ['aaaabbbbbcccccc', 'is a keyboard or alphabet sequence'],
    ['kiwi42-niwi42-', undefined], // all but one character of a block repeated
    ['a good password', undefined],
    ['correct horse battery', undefined],
    ['twelve chars', undefined],
    ['1234567890 green owls', undefined],
    ['Zq7-Lm2.Vx9+Tb4', undefined],
  ])('%j', (password, reason) => expect(weaknessOf(password)).toBe(reason));

  it.each([
    ['ada@example.com', true],
    ['Ada Lovelace 1815', true],
    ['LOVELACE12345', true],
    ['example.ADA-99', true],
    ['Ada likes sums', false],
    ['8 3 5 1 9 0 2 7', false],
    ['a good password', false],
  ])('%j of Ada Lovelace, ada@example.com: made of her own address or name %s', (password, own) => {
    expect(isMadeOfOwnName(password, person)).toBe(own);
  });

  it('that is long takes little computing', () => {
    const before = process.cpuUsage(); // time on a busy machine would say nothing
    weaknessOf(`${'abcdefgh'.repeat(15)}qwerty1!`);
    weaknessOf('qwe123asd'.repeat(14));
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(200_000); // µs
  });
});

describe('the first admin', () => {
  const given = { ADMIN_EMAIL: 'admin@example.com', ADMIN_PASSWORD: 'a good password' };

  it.each([
    ['a password that is refused to users', { ...given, ADMIN_PASSWORD: 'administrator' }, 'ADMIN_PASSWORD is common'],
    ['an address alone', { ...given, ADMIN_PASSWORD: undefined }, 'set ADMIN_EMAIL and ADMIN_PASSWORD'],
    ['a password alone', { ...given, ADMIN_EMAIL: undefined }, 'set ADMIN_EMAIL and ADMIN_PASSWORD'],
    ['neither address nor password', {}, 'set ADMIN_EMAIL and ADMIN_PASSWORD'],
  ])('is not made with %s, and the log says why', async (_what, settings, reason) => {
    const said: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => void said.push(JSON.parse(line).msg) });
    const store = { hasAdmin: async () => false, createFirstAdmin: () => expect.fail('made an admin') };
    const { stop } = ensureFirstAdmin(settings, store, createPasswords(), log);
    await waitFor('the log to say why', () => said.length > 0);
    stop();
    expect(said).toEqual([expect.stringContaining(reason)]);
  });

  it('is waited for when the Sentinels answer a moment later than the service', async () => {
    const settledAtQuestion: boolean[] = [];
    const hasAdmin = async () => {
      settledAtQuestion.push(settledAtQuestion.length > 0 && admin.isSettled());
      if (settledAtQuestion.length === 1) throw new Unavailable('no Sentinel answers');
      return true;
    };
    const store = { hasAdmin, createFirstAdmin: () => expect.fail('made an admin') };
    const admin = ensureFirstAdmin({}, store, createPasswords(), pino({ level: 'silent' }));
    await waitFor('it to be settled', admin.isSettled);
    expect(settledAtQuestion).toEqual([false, false]);
  });
});

describe('addresses', () => {
  it('are the same in any letter case and in compatible characters', () => {
    expect(emailIdentity('ＡDA@Example.COM')).toBe('ada@example.com');
    expect(emailKey('Ada@example.com')).toBe(emailKey('ADA@EXAMPLE.COM'));
  });

  it('are not to be read in the names of keys', () => {
    expect(emailKey('ada@example.com')).not.toContain('ada');
  });
});

describe('a change', () => {
  const user: User = {
    id: newId(),
    email: 'ada@example.com',
    firstName: 'Ada',
    lastName: 'Lovelace',
    role: 'customer',
    createdAtMs: 1000,
    updatedAtMs: 2000,
    version: 3,
  };

  it('of a name makes a new version', () => {
    expect(changed(user, { firstName: 'Augusta' }, 5000)).toEqual({
      ...user,
      firstName: 'Augusta',
      updatedAtMs: 5000,
      version: 4,
    });
  });

  it('to what is there already changes nothing', () => {
    expect(changed(user, { firstName: 'Ada', role: 'customer' }, 5000)).toBe(user);
    expect(changed(user, {}, 5000)).toBe(user);
  });

  it('never goes back in time', () => {
    expect(changed(user, { role: 'admin' }, 500).updatedAtMs).toBe(2000);
  });

  it('of anything else is a fault', () => {
    expect(changes.safeParse({ email: 'x@example.com' }).success).toBe(false);
    expect(changes.safeParse({ role: 'owner' }).success).toBe(false);
  });
});

it('of a User-Agent only the system and the program with its main version are stored', () => {
  const chrome =
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36';
  expect(storedUserAgent(chrome)).toBe('(X11; Linux x86_64) Chrome/120');
  const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0';
  expect(storedUserAgent(firefox)).toBe('(X11; Linux x86_64; rv:128.0) Firefox/128');
  expect(storedUserAgent('curl/8.5.0')).toBe('curl/8');
  expect(storedUserAgent('u'.repeat(2000))).toHaveLength(48);
  expect(storedUserAgent(undefined)).toBe('');
});

describe('an attempt that finds a change', () => {
  it('is made again until it does not', async () => {
    let attempts = 0;
    const attempt = async () => (++attempts < 3 ? ({ kind: 'conflict' } as const) : ({ kind: 'done' } as const));
    expect(await retryOnConflict(deadlineIn(1000), attempt)).toEqual({ kind: 'done' });
  });

  it('is given up at the deadline', async () => {
    const deadline = deadlineIn(50);
    let lateAttempts = 0;
    const attempt = async () => {
      if (remainingMs(deadline) === 0) lateAttempts += 1;
      if (lateAttempts > 1) throw new Error('an attempt began after the deadline'); // the first may have begun just before it
      await setImmediate();
      return { kind: 'conflict' } as const;
    };
    await expect(retryOnConflict(deadline, attempt)).rejects.toThrow(Unavailable);
  });
});
