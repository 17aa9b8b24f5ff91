/** What each Redis user may do: a service works on its own keys and reads the event streams, and nothing else, inside its scripts too. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import * as productsKeys from '../../api/products/keys.ts';
import * as purchasesKeys from '../../api/purchases/keys.ts';
import { type ServiceName, serviceNames } from '../../api/services.ts';
import * as usersKeys from '../../api/users/keys.ts';
import { operator } from '../support/redis.ts';

const modules: Record<ServiceName, object> = { users: usersKeys, products: productsKeys, purchases: purchasesKeys };

/** One key of every kind that a service has: of each constant and each function of its keys.ts, and what the shared code adds. */
function keysOf(service: ServiceName): string[] {
  const made = Object.values(modules[service]).flatMap((value) => {
    if (typeof value === 'string') return [value];
    if (typeof value !== 'function') return [];
    return [value(newId(), { of: 'all' }, newId())].flat();
  });
  const shared = ['events', `limit:caller:${newId()}`, `idem:${newId()}`, `anything:${newId()}`];
  return [...new Set([...made.map(String), ...shared.map((name) => `{${service}}:${name}`)])].filter((key) =>
    key.startsWith(`{${service}}:`),
  );
}

const isStream = (key: string) => key.endsWith('}:events');

let master: Redis;
const as: Record<string, Redis> = {};
beforeAll(async () => {
  master = await operator();
  for (const user of serviceNames) {
    const { host, port } = master.options;
    as[user] = new Redis({
      host: host ?? '127.0.0.1',
      port: port ?? 0,
      username: user,
      password: inject('redis').passwords[user] ?? '',
      protocol: 2,
      disableClientInfo: true,
    });
  }
});
afterAll(() => {
  master.disconnect();
  for (const redis of Object.values(as)) redis.disconnect();
});

/** Whether the user may run this, as Redis itself decides (ACL DRYRUN runs nothing). @returns `OK` or the reason */
const allowed = (user: string, ...command: string[]) =>
  master.call('ACL', 'DRYRUN', user, ...command) as Promise<string>;

const denied = /no permissions/i;

describe.each(serviceNames)('%s', (service) => {
  const foreign = serviceNames.filter((name) => name !== service).flatMap(keysOf);

  test('reads and writes every key of its own', async () => {
    const own = keysOf(service);
    expect(own.length).toBeGreaterThan(5);
    for (const key of own) {
      expect.soft(await allowed(service, 'GET', key), key).toBe('OK');
      expect.soft(await allowed(service, 'SET', key, 'x'), key).toBe('OK');
    }
  });

  test('neither reads nor writes a key of another, but reads its event stream', async () => {
    for (const key of foreign) {
      for (const read of [
        ['GET', key],
        ['EXISTS', key],
        ['TYPE', key],
        ['STRLEN', key],
        ['XRANGE', key, '-', '+'],
      ]) {
        const answer = await allowed(service, ...read);
        if (isStream(key)) expect.soft(answer, read.join(' ')).toBe('OK');
        else expect.soft(answer, read.join(' ')).toMatch(denied);
      }
      for (const write of [
        ['SET', key, 'x'],
        ['DEL', key],
        ['XADD', key, '*', 'a', 'b'],
        ['EXPIRE', key, '1'],
        ['RENAME', key, `{${service}}:x`],
      ]) {
        expect.soft(await allowed(service, ...write), write.join(' ')).toMatch(denied);
      }
    }
  });

  test('neither from inside a script, whether the key is declared or not', async () => {
    const redis = as[service];
    for (const key of foreign) {
      for (const command of ['SET', 'GETDEL', 'DEL', ...(isStream(key) ? [] : ['GET'])]) {
        const hidden = `return redis.call('${command}', '${key}'${command === 'SET' ? ", 'x'" : ''})`;
        await expect
          .soft(redis?.eval(hidden, 0), `${command} ${key}`)
          .rejects.toThrow(/NOPERM|permission|can.t access/i);
        const declared = `return redis.call('${command}', KEYS[1]${command === 'SET' ? ", 'x'" : ''})`;
        await expect
          .soft(redis?.eval(declared, 1, key), `${command} KEYS[1]=${key}`)
          .rejects.toThrow(/NOPERM|permission/i);
      }
    }
  });

  test('leaves no code behind, removes none, lists no keys, administers nothing', async () => {
    const commands = [
      ['FUNCTION', 'LOAD', '#!lua name=x\nredis.register_function("x", function() end)'],
      ['FUNCTION', 'DELETE', 'x'],
      ['FUNCTION', 'FLUSH'],
      ['FUNCTION', 'RESTORE', 'x'],
      ['FUNCTION', 'KILL'],
      ['FUNCTION', 'LIST'],
      ['FUNCTION', 'DUMP'],
      ['FCALL', 'x', '0'],
      ['SCRIPT', 'FLUSH'],
      ['SCRIPT', 'KILL'],
      ['KEYS', '*'],
      ['SCAN', '0'],
      ['RANDOMKEY'],
      ['DBSIZE'],
      ['FLUSHALL'],
      ['CONFIG', 'GET', '*'],
      ['ACL', 'LIST'],
      ['ACL', 'WHOAMI'],
      ['REPLICAOF', 'NO', 'ONE'],
      ['DEBUG', 'SLEEP', '1'],
      ['MONITOR'],
      ['CLIENT', 'LIST'],
      ['CLIENT', 'KILL', 'TYPE', 'normal'],
      ['PUBLISH', '__sentinel__:hello', 'x'],
      ['SUBSCRIBE', '__sentinel__:hello'],
      ['MIGRATE', 'h', '1', `{${service}}:x`, '0', '1'],
      ['RESTORE', `{${service}}:x`, '0', 'x'],
      ['SORT', `{${service}}:x`, 'BY', '{users}:*'],
      ['SAVE'],
      ['SHUTDOWN'],
    ];
    for (const command of commands) expect.soft(await allowed(service, ...command), command.join(' ')).toMatch(denied);
  });
});

test('there is no stream of events by any other name', async () => {
  expect(await allowed('users', 'XRANGE', '{made-up}:events', '-', '+')).toMatch(denied);
});
