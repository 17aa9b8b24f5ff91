/** Access tokens: which are accepted, and for how long a key is trusted. */
import { generateKeyPairSync } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { deadlineIn, monotonicMs, setShopOffset } from '../../../api/core/clock.ts';
import { algorithm, audience, issuer, type PublicJwk, tokenVerifier } from '../../../api/http/tokens.ts';

const soon = () => deadlineIn(5000);
const nowSeconds = () => Math.floor(Date.now() / 1000);

/** A signing key with its public half, as `users` publishes it. */
function makeKey(kid: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid } as PublicJwk;
  const sign = (changes: Record<string, unknown> = {}) => {
    const claims = { sub: 'ann', sid: 's', role: 'customer', jti: 'j', iat: nowSeconds(), exp: nowSeconds() + 300 };
    const payload = Object.fromEntries(
      Object.entries({ ...claims, iss: issuer, aud: audience, ...changes }).filter(([, value]) => value !== undefined),
    );
    return jwt.sign(payload, privateKey, {
      algorithm,
      header: { alg: algorithm, typ: 'at+jwt', kid },
      noTimestamp: 'iat' in changes && changes.iat === undefined,
    });
  };
  return { jwk, sign };
}

describe('an access token', () => {
  const { jwk, sign } = makeKey('k');
  const verify = tokenVerifier(async () => [jwk]);

  test('with every claim is accepted', async () => {
    expect(await verify(sign(), 'a-request', soon())).toEqual({ userId: 'ann', sessionId: 's', role: 'customer' });
  });

  test('that comes again is not verified again: its signature costs more than all else', async () => {
    const verifies = vi.spyOn(jwt, 'verify');
    const token = sign();
    for (let i = 0; i < 3; i++) expect(await verify(token, 'a-request', soon())).toBeDefined();
    expect(verifies).toHaveBeenCalledTimes(1);
    verifies.mockRestore();
  });

  test.each([
    ['no exp', { exp: undefined }],
    ['no iat', { iat: undefined }],
    ['no jti', { jti: undefined }],
    ['an empty jti', { jti: '' }],
    ['more than five minutes to live', { exp: nowSeconds() + 330 }],
    ['an iat in the future', { iat: nowSeconds() + 30, exp: nowSeconds() + 300 }],
    ['an exp in the past', { iat: nowSeconds() - 300, exp: nowSeconds() - 30 }],
    ['another issuer', { iss: 'evergreen-products' }],
    ['another audience', { aud: 'evergreen-internal' }],
    ['an unknown role', { role: 'owner' }],
  ])('with %s is refused', async (_what, changes) => {
    expect(await verify(sign(changes), 'a-request', soon())).toBeUndefined();
  });

  const part = (value: unknown) =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  test.each([
    ['a payload that is not JSON', `${part({ typ: 'JWT' })}.${part('x')}.${part('x')}`],
    ['a header that is not JSON', `${part('x')}.${part({})}.${part('x')}`],
    ['a header that is no object', `${part('null')}.${part({})}.${part('x')}`],
    ['two parts', `${part({ typ: 'JWT' })}.${part({})}`],
    ['nothing', ''],
  ])('made of %s is refused', async (_what, token) => {
    expect(await verify(token, 'a-request', soon())).toBeUndefined();
  });
});

describe('a token that was verified before', () => {
  const [old, next] = [makeKey('same id'), makeKey('same id')];
  afterEach(() => {
    setShopOffset(undefined);
    vi.useRealTimers();
  });

  test('is refused when its time has come', async () => {
    const verify = tokenVerifier(async () => [old.jwk]);
    const token = old.sign();
    expect(await verify(token, 'r', soon())).toBeDefined();
    setShopOffset(Date.now() - monotonicMs() + 306_000);
    expect(await verify(token, 'r', soon())).toBeUndefined();
  });

  test('is refused when another key has taken the place of its own', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    let published = old.jwk;
    const verify = tokenVerifier(async () => [published]);
    const token = old.sign();
    expect(await verify(token, 'r', soon())).toBeDefined();
    published = next.jwk;
    vi.advanceTimersByTime(120_000);
    expect(await verify(token, 'r', soon())).toBeUndefined();
    expect(await verify(next.sign(), 'r', soon())).toBeDefined();
  });

  test('says nothing about another token with the same claims', async () => {
    const verify = tokenVerifier(async () => [old.jwk]);
    const token = old.sign();
    expect(await verify(token, 'r', soon())).toBeDefined();
    const [head, payload] = token.split('.');
    const [, , signature] = next.sign().split('.');
    expect(await verify(`${head}.${payload}.${signature}`, 'r', soon())).toBeUndefined();
  });
});

describe('the public keys', () => {
  const [first, second] = [makeKey('first'), makeKey('second')];
  let published: PublicJwk[];
  let fetches: number;
  let fails: boolean;
  const fetchKeys = async () => {
    fetches += 1;
    if (fails) throw new Error('users does not answer');
    return published;
  };
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
    published = [first.jwk];
    fetches = 0;
    fails = false;
  });
  afterEach(() => void vi.useRealTimers());
  const minutes = (count: number) => vi.advanceTimersByTime(count * 60_000);

  test('a key that was removed is refused within two minutes', async () => {
    const verify = tokenVerifier(fetchKeys);
    expect(await verify(first.sign(), 'a-request', soon())).toBeDefined();
    published = [second.jwk];
    minutes(2);
    expect(await verify(first.sign(), 'a-request', soon())).toBeUndefined();
    expect(await verify(second.sign(), 'a-request', soon())).toBeDefined();
  });

  test('an unknown key is asked for at once, but a flood of made-up ones asks only every 5 s', async () => {
    const verify = tokenVerifier(fetchKeys);
    await verify(first.sign(), 'a-request', soon());
    published = [first.jwk, second.jwk];
    vi.advanceTimersByTime(5000);
    expect(await verify(second.sign(), 'a-request', soon())).toBeDefined();
    for (let i = 0; i < 50; i++)
      expect(await verify(makeKey(`made up ${i}`).sign(), 'a-request', soon())).toBeUndefined();
    expect(fetches).toBe(2);
  });

  test('a flood of made-up keys asks only every 5 s also while users does not answer', async () => {
    const verify = tokenVerifier(fetchKeys);
    await verify(first.sign(), 'a-request', soon());
    fails = true;
    vi.advanceTimersByTime(5000);
    for (let i = 0; i < 50; i++)
      expect(await verify(makeKey(`made up ${i}`).sign(), 'a-request', soon())).toBeUndefined();
    expect(fetches).toBe(2);
  });

  test('stay in use while users does not answer', async () => {
    const verify = tokenVerifier(fetchKeys);
    await verify(first.sign(), 'a-request', soon());
    fails = true;
    minutes(30);
    expect(await verify(first.sign(), 'a-request', soon())).toBeDefined();
  });
});
