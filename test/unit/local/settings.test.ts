import { describe, expect, test } from 'vitest';
import { settingName } from '../../../api/services.ts';
import { secretNames } from '../../../ops/credentials.ts';
import { readSettings, withSystemFolders } from '../../../ops/local/settings.ts';
import { makeSecrets } from '../../support/secrets.ts';

const secrets = makeSecrets();
const read = (changes: Record<string, string | undefined>) => readSettings({ ...secrets, ...changes }, '/project');

describe('settings', () => {
  test('need nothing but secrets', () => {
    const result = read({});
    expect(result).toMatchObject({
      kind: 'ok',
      settings: {
        httpPort: 8080,
        httpsPort: 8443,
        portBase: 7000,
        dir: '/project/.shop',
        rateLimits: 'on',
        forceHttps: false,
      },
    });
    if (result.kind === 'ok') expect(new Set(Object.values(result.settings.replicas))).toEqual(new Set([2]));
  });

  test('name every fault at once', () => {
    const result = read({
      HTTP_PORT: '99999',
      SHOP_CURRENCY: 'dollars',
      ADMIN_EMAIL: 'me',
      SENTINEL_PASSWORD: undefined,
    });
    expect(result.kind).toBe('faulty');
    if (result.kind !== 'faulty') return;
    expect(result.faults).toHaveLength(4);
    for (const name of ['HTTP_PORT', 'SHOP_CURRENCY', 'ADMIN_EMAIL', 'SENTINEL_PASSWORD']) {
      expect(result.faults.some((fault) => fault.startsWith(`${name} `))).toBe(true);
    }
  });

  test('take an empty value for none', () => {
    expect(read({ HTTP_PORT: '' })).toMatchObject({ kind: 'ok', settings: { httpPort: 8080 } });
  });

  test('refuse a secret that a configuration file could not hold', () => {
    expect(read({ SENTINEL_PASSWORD: 'sixteen characters|' }).kind).toBe('faulty');
  });

  test('refuse a signing key on another curve', () => {
    expect(read({ JWT_PRIVATE_KEY: Buffer.from('-----BEGIN PRIVATE KEY-----').toString('base64') }).kind).toBe(
      'faulty',
    );
  });

  test('hand limits on to the services and nothing else', () => {
    const result = read({ LIMIT_SIGN_UP_PER_MINUTE: '5', MAX_IN_FLIGHT: '9', AWS_SECRET: 'x' });
    expect(result).toMatchObject({
      kind: 'ok',
      settings: { limits: { LIMIT_SIGN_UP_PER_MINUTE: '5', MAX_IN_FLIGHT: '9' } },
    });
    expect(JSON.stringify(result)).not.toContain('AWS_SECRET');
  });

  test('find servers also for a user whose PATH lacks sbin', () => {
    expect(withSystemFolders('/usr/bin:/bin').split(':')).toContain('/usr/sbin');
  });

  test('name a secret for each Redis user, also of a service with a dash', () => {
    expect(secretNames()).toContain('REDIS_PASSWORD_PURCHASES');
    expect(settingName('gift-cards')).toBe('GIFT_CARDS');
  });
});
