/** Configuration: everything that is wrong is named at once, and nothing starts with half of it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { BadConfig, readConfig } from '../../../api/core/config.ts';

const env = {
  PORT: '3000',
  REDIS_SENTINELS: 'a:1,b:2',
  REDIS_NODES: 'c:3',
  REDIS_PASSWORD: 'p',
  SENTINEL_PASSWORD: 's',
  INTERNAL_URL: 'http://nginx:8080',
  IDEMPOTENCY_SECRET: 'k'.repeat(16),
};
const read = (changes: Record<string, string>) => readConfig('users', {}, { ...env, ...changes });

describe('readConfig', () => {
  it('reads lists and numbers, and fills in defaults; an empty text is no value', () => {
    expect(read({ LOG_LEVEL: '' })).toMatchObject({
      service: 'users',
      PORT: 3000,
      REDIS_SENTINELS: ['a:1', 'b:2'],
      REDIS_MASTER_NAME: 'shop',
      LOG_LEVEL: 'info',
    });
  });

  it("reads a service's own settings", () => {
    expect(readConfig('users', { SHOES: z.coerce.number() }, { ...env, SHOES: '2' })).toMatchObject({ SHOES: 2 });
  });

  it('reads a value from the file that NAME_FILE names, without the line end', () => {
    const folder = mkdtempSync(join(tmpdir(), 'config-'));
    try {
      writeFileSync(join(folder, 'password'), 'from a file\n');
      const path = join(folder, 'password');
      expect(read({ REDIS_PASSWORD_FILE: path }).REDIS_PASSWORD).toBe('from a file');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('names everything that is missing or wrong', () => {
    const faulty = () => read({ PORT: 'http', REDIS_NODES: 'no-port', IDEMPOTENCY_SECRET: '' });
    expect(faulty).toThrow(BadConfig);
    expect(faulty).toThrow(/'users'.*PORT.*REDIS_NODES\.0: must be host:port.*IDEMPOTENCY_SECRET/s);
  });

  it('takes the Redis group of `users` whole or not at all: half of it would hear of no sign-out', () => {
    expect(read({ USERS_REDIS_SENTINELS: 'a:1', USERS_REDIS_NODES: 'b:2' }).USERS_REDIS_NODES).toEqual(['b:2']);
    for (const half of [{ USERS_REDIS_SENTINELS: 'a:1' }, { USERS_REDIS_NODES: 'b:2' }]) {
      expect(() => read(half)).toThrow(/belong together/);
    }
  });
});
