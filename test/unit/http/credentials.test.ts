/** The credentials of internal calls: which are accepted, and that the secrets of one service open nothing but what it may call. */
import { createHmac } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { callersOf, internalSecretName, internalSecretsOf } from '../../../api/contracts/calls.ts';
import { monotonicMs, setShopOffset } from '../../../api/core/clock.ts';
import { createCredentials } from '../../../api/http/credentials.ts';
import { type ServiceName, serviceNames } from '../../../api/services.ts';

const secretOf = (name: string) => `${name} that only tests know`;
const secretsOf = (service: string) =>
  Object.fromEntries(internalSecretsOf(service).map((name) => [name, secretOf(name)]));
const credentialsOf = (service: string) => createCredentials(service, secretsOf(service));
const nowSeconds = () => Math.floor(Date.now() / 1000);

afterEach(() => setShopOffset(undefined));

describe('the credential with which purchases calls products', () => {
  const products = credentialsOf('products');
  const secret = secretOf(internalSecretName('purchases', 'products'));
  const sign = (changes: jwt.SignOptions = {}, payload: object = {}) =>
    jwt.sign(payload, secret, {
      algorithm: 'HS256',
      issuer: 'purchases',
      audience: 'evergreen-internal/products',
      expiresIn: 120,
      ...changes,
    });

  test('names purchases, also when it is sent again', () => {
    const credential = credentialsOf('purchases').issue('products');
    expect([products.callerOf(credential), products.callerOf(credential)]).toEqual(['purchases', 'purchases']);
    expect(products.callerOf(sign())).toBe('purchases');
  });

  test('is verified once: its signature costs more than all else', () => {
    const verify = vi.spyOn(jwt, 'verify');
    const credential = sign({}, { more: 'another' });
    for (let i = 0; i < 3; i++) products.callerOf(credential);
    expect(verify).toHaveBeenCalledTimes(1);
    verify.mockRestore();
  });

  const part = (value: unknown) =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  const body = `${part({ alg: 'HS256', typ: 'JWT' })}.${part('purchases')}`;
  test.each([
    ['of an unknown issuer', sign({ issuer: 'intruder' })],
    ['of a service that does not call products', sign({ issuer: 'users' })],
    ['of no issuer', jwt.sign({}, secret, { audience: 'evergreen-internal/products', expiresIn: 60 })],
    ['for more than two minutes', sign({ expiresIn: 121 })],
    ['that never ends', jwt.sign({}, secret, { issuer: 'purchases', audience: 'evergreen-internal/products' })],
    ['that does not say when it began', sign({ noTimestamp: true })],
    ['that begins in the future', sign({}, { iat: nowSeconds() + 60 })],
    ['that has ended', sign({ expiresIn: -10 })],
    ['for another service', sign({ audience: 'evergreen-internal/users' })],
    ['for clients', sign({ audience: 'evergreen' })],
    [
      'of another secret',
      jwt.sign({}, 'another', { issuer: 'purchases', audience: 'evergreen-internal/products', expiresIn: 60 }),
    ],
    ['of another algorithm', sign({ algorithm: 'HS512' })],
    ['without a signature', jwt.sign({}, '', { algorithm: 'none', issuer: 'purchases', expiresIn: 60 })],
    ['that is longer than any of ours, which would be remembered', sign({}, { more: 'x'.repeat(1000) })],
    ['with a payload that is not JSON', `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`],
    ['of one part', 'x'],
    ['of nothing', ''],
  ])('%s is refused', (_what, credential) => {
    expect(products.callerOf(credential)).toBeUndefined();
    expect(products.callerOf(credential)).toBeUndefined();
  });

  test('is refused when its time has come, although it was accepted before', () => {
    const credential = sign();
    expect(products.callerOf(credential)).toBe('purchases');
    setShopOffset(Date.now() - monotonicMs() + 126_000);
    expect(products.callerOf(credential)).toBeUndefined();
  });

  test('says nothing about another one with the same claims', () => {
    const credential = sign();
    expect(products.callerOf(credential)).toBe('purchases');
    const forged = credential.slice(0, credential.lastIndexOf('.') + 1);
    expect(products.callerOf(`${forged}${part('x'.repeat(32))}`)).toBeUndefined();
  });
});

describe.each(serviceNames)('what %s holds', (holder) => {
  const mayCall = serviceNames.filter((called) => callersOf(called).includes(holder));

  test('opens each service that it may call, in its own name', () => {
    for (const called of mayCall) {
      expect(credentialsOf(called).callerOf(credentialsOf(holder).issue(called))).toBe(holder);
    }
  });

  test('issues no credential for another service', () => {
    for (const called of serviceNames.filter((name) => !mayCall.includes(name))) {
      expect(() => credentialsOf(holder).issue(called)).toThrow('has no secret');
    }
  });

  /** Everything that can be signed with its secrets, and the credentials that the holder receives from its callers. */
  function* forgeries(called: ServiceName) {
    for (const secret of Object.values(secretsOf(holder))) {
      for (const issuer of serviceNames) {
        for (const audience of [...serviceNames.map((name) => `evergreen-internal/${name}`), 'evergreen-internal']) {
          const credential = jwt.sign({}, secret, { algorithm: 'HS256', issuer, audience, expiresIn: 60 });
          const isItsOwn = issuer === holder && audience === `evergreen-internal/${called}`;
          if (!(isItsOwn && secret === secretOf(internalSecretName(holder, called)))) yield credential;
        }
      }
    }
    for (const caller of callersOf(holder)) yield credentialsOf(caller).issue(holder);
  }

  test('opens no other service in any name', () => {
    for (const called of serviceNames.filter((name) => name !== holder)) {
      const { callerOf } = credentialsOf(called);
      for (const credential of forgeries(called)) {
        expect([called, jwt.decode(credential), callerOf(credential)]).toEqual([
          called,
          jwt.decode(credential),
          undefined,
        ]);
      }
    }
  });
});

test('a secret belongs to the two services of one pair', () => {
  const names = serviceNames.flatMap(internalSecretsOf);
  for (const name of names) expect([name, names.filter((each) => each === name).length]).toEqual([name, 2]);
});
