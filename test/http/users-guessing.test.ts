/** Guessing of passwords: wrong guesses are slowed down, and lock no owner out. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { open } from '../../api/users/open.ts';
import { startTestService, type TestService } from '../support/app.ts';
import { operator } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';
import { newPerson, password, problem } from './users-support.ts';

/** Wrong passwords for one account a minute, from all addresses together; attempts of one address at one account. Fewer than by default: argon2 is slow. */
const quota = 6;
const fromOneAddress = 3;
/** Sign-ins a day from one address to accounts that are less than a day old. */
const ofNewAccounts = 5;

let replicas: TestService[];
let master: Redis;
beforeAll(async () => {
  const settings = {
    RATE_LIMITS: 'on',
    LIMIT_SIGN_IN_ACCOUNT_PER_MINUTE: String(quota),
    LIMIT_SIGN_IN_PER_MINUTE: String(fromOneAddress),
    LIMIT_SIGN_IN_NEW_ACCOUNTS_PER_DAY: String(ofNewAccounts),
  };
  replicas = await Promise.all([1, 2].map(() => startTestService('users', open, 'http://127.0.0.1:9', settings)));
  for (const { redis } of replicas) await waitFor('a master to count on', () => redis.scratch());
  master = await operator();
});
afterAll(async () => {
  for (const replica of replicas) await replica.stop();
  master.disconnect();
});

let next = 0;
/** An address that no test has used. */
const newAddress = () => `2001:db8:${(++next).toString(16)}::1`;

/** Tries to sign in, at each replica in turn. */
async function attempt(email: string, secret: string, address: string) {
  const replica = replicas[next++ % replicas.length];
  const answer = await replica?.request
    .post('/users/login')
    .set('X-Forwarded-For', address)
    .send({ email, password: secret });
  return answer ?? expect.fail('no replica');
}

/** Tries a wrong password `count` times, ten at once, from these addresses in turn. How often each status came. */
async function guess(email: string, count: number, addresses: readonly string[]) {
  const counts: Record<number, number> = {};
  for (let sent = 0; sent < count; sent += 10) {
    const batch = Array.from({ length: Math.min(10, count - sent) }, (_, i) =>
      attempt(email, 'not the password', addresses[i % addresses.length] ?? ''),
    );
    for (const { status } of await Promise.all(batch)) counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

/** A new user, who has signed in from `home`. */
async function owner() {
  const person = newPerson();
  const home = newAddress();
  expect((await replicas[0]?.request.post('/users').set('X-Forwarded-For', home).send(person))?.status).toBe(201);
  expect((await attempt(person.email, password, home)).status).toBe(200);
  return { email: person.email, home };
}

/** As if the minute in which wrong passwords are counted had passed. */
async function endMinute() {
  const counters = await master.keys('{users}:limit:wrong-passwords:*');
  if (counters.length > 0) await master.del(...counters);
}

describe('120 wrong passwords from two addresses', () => {
  it('leave the owner signing in from where the account signed in before; new addresses wait while they go on', async () => {
    const { email, home } = await owner();
    const seen = await guess(email, 120, [newAddress(), newAddress()]);
    const byOwner = await attempt(email, password, home);
    expect([seen, byOwner.status]).toEqual([{ 401: 2 * fromOneAddress, 429: 120 - 2 * fromOneAddress }, 200]);

    const elsewhere = newAddress();
    const refused = await attempt(email, password, elsewhere);
    expect(refused.body).toMatchObject(problem('rate-limited', 429));
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60);
    await endMinute();
    await waitFor('the new address to be admitted', async () => {
      return (await attempt(email, password, elsewhere)).status === 200;
    });
  });
});

describe('wrong passwords', () => {
  it('from many addresses at once are compared only as often as the limit says, whether or not there is such an account', async () => {
    const addresses = Array.from({ length: 20 }, newAddress);
    for (const email of [(await owner()).email, newPerson().email]) {
      expect(await guess(email, 20, addresses)).toEqual({ 401: quota, 429: 20 - quota });
    }
  });

  it('that another limit has refused do not count', async () => {
    const { email } = await owner();
    expect(await guess(email, 50, [newAddress()])).toEqual({ 401: fromOneAddress, 429: 50 - fromOneAddress });
    const others = Array.from({ length: quota - fromOneAddress }, newAddress);
    expect(await guess(email, others.length, others)).toEqual({ 401: others.length });
    expect((await attempt(email, password, newAddress())).status).toBe(429);
  });

  it('from where the account signed in before do not count, and are limited there', async () => {
    const { email, home } = await owner();
    expect(await guess(email, 20, [home])).toEqual({ 401: fromOneAddress - 1, 429: 20 - fromOneAddress + 1 });
    const addresses = Array.from({ length: quota }, newAddress);
    expect(await guess(email, quota, addresses)).toEqual({ 401: quota });
  });

  it('alone count: right ones do not', async () => {
    const { email } = await owner();
    for (let i = 0; i < quota + 2; i++) expect((await attempt(email, password, newAddress())).status).toBe(200);
  });
});

it('sign-ins from one address to accounts made today are limited together, at both replicas; from elsewhere they go on', async () => {
  const { home } = await owner();
  const people = [newPerson(), newPerson()];
  for (const person of people) {
    expect((await replicas[0]?.request.post('/users').set('X-Forwarded-For', home).send(person))?.status).toBe(201);
  }
  const statuses: number[] = [];
  for (let i = 0; i < ofNewAccounts + 1; i++) {
    statuses.push((await attempt(people[i % 2]?.email ?? '', password, home)).status);
  }
  // The owner's own sign-in was the first.
  expect(statuses).toEqual([...Array(ofNewAccounts - 1).fill(200), 429, 429]);
  const third = newPerson();
  expect((await replicas[1]?.request.post('/users').set('X-Forwarded-For', home).send(third))?.status).toBe(201);
  const refused = await attempt(third.email, password, home);
  expect(refused.body).toMatchObject(problem('rate-limited', 429));
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(80_000);
  expect((await attempt(people[0]?.email ?? '', password, newAddress())).status).toBe(200);
});

it('addresses are stored as keyed hashes, the latest fifty, for thirty days', async () => {
  const { email, home } = await owner();
  const { body } = await attempt(email, password, home);
  const [userId] = body.refreshToken.split('.');
  const key = `{users}:known-addresses:${userId}`;
  expect(await master.zcard(key)).toBe(1);
  await master.zadd(key, ...Array.from({ length: 60 }, (_, i) => [i + 1, `old ${i}`]).flat());
  const days = 24 * 3_600_000;
  await master.zadd(key, ...Array.from({ length: 60 }, (_, i) => [Date.now() - days + i, `day old ${i}`]).flat());
  expect((await attempt(email, password, newAddress())).status).toBe(200);
  const members = await master.zrange(key, '0', '-1');
  expect(members).toHaveLength(50);
  expect(members.join(' ')).not.toMatch(/2001:db8|^old | old 0 /);
  expect(await master.pttl(key)).toBeGreaterThan(29 * days);
});

it('refused sign-ins are counted for the alert, without a name of the user', async () => {
  const metrics = await Promise.all(replicas.map(async ({ request }) => (await request.get('/metrics')).text));
  for (const reason of ['wrong-password', 'guessing']) {
    const lines = metrics.flatMap((text) => text.match(/^shop_sign_in_failures_total\{.*\} \d+$/gm) ?? []);
    expect(lines.filter((line) => line.includes(`reason="${reason}"`) && !line.endsWith(' 0'))).not.toEqual([]);
    for (const line of lines)
      expect(line).toMatch(/^shop_sign_in_failures_total\{reason="[a-z-]+",service="users"\} \d+$/);
  }
});
