// Health of the shop's processes, each asked by its own protocol. No reply within the timeout counts as unhealthy.
import { once } from 'node:events';
import { get } from 'node:http';
import { connect } from 'node:net';
import { Redis } from 'ioredis';
import { infoField } from '../../api/redis/info.ts';
import { isFresh } from './backups.ts';
import { localhost, masterName, type ProcessSpec } from './spec.ts';

/** The state that a Redis node reports. `offset` counts the bytes of writes that it has. */
export type RedisState = { role: 'master' | 'replica'; offset: number; inStep: boolean };

/** No reply within this time counts as unhealthy. */
const defaultTimeoutMs = 1000;

/**
 * Asks whether a process works: a Redis that answers, and as a replica is in step with its master; a Sentinel that has a quorum; a
 * service that is ready; an Nginx that serves; backups that are made.
 * @param secrets by name, as in Settings
 */
export async function isHealthy(spec: ProcessSpec, secrets: Record<string, string>): Promise<boolean> {
  switch (spec.health.ask) {
    case 'redis':
      return (await redisState(spec.port, secrets))?.inStep ?? false;
    case 'sentinel':
      return await hasQuorum(spec.port, secrets);
    case 'backup':
      return isFresh(spec);
    case 'tcp':
      return await listens(spec.health.port);
    case 'http':
      return (await httpStatus(spec.health.port, spec.health.path)) === 200;
    case 'monitoring': {
      const auth = `monitoring:${secrets.MONITORING_PASSWORD ?? ''}`;
      return (await httpStatus(spec.health.port, spec.health.path, defaultTimeoutMs, auth)) === 200;
    }
  }
}

/** Whether a Sentinel knows enough others, and at least one replica, to replace the master. */
async function hasQuorum(port: number, secrets: Record<string, string>): Promise<boolean> {
  return (
    (await ask(port, 'health', secrets.SENTINEL_PASSWORD_HEALTH, async (sentinel) => {
      const fields = (await sentinel.call('SENTINEL', 'MASTER', masterName)) as string[];
      const value = (name: string) => Number(fields[fields.indexOf(name) + 1]);
      await sentinel.call('SENTINEL', 'CKQUORUM', masterName);
      return value('num-slaves') > 0 && value('num-other-sentinels') >= 2;
    })) ?? false
  );
}

/** Role and offset of the Redis on this port; undefined if it does not answer. */
export function redisState(port: number, secrets: Record<string, string>): Promise<RedisState | undefined> {
  return ask(port, 'operator', secrets.REDIS_PASSWORD_OPERATOR, async (redis) => {
    const info = await redis.info('replication');
    const isMaster = infoField(info, 'role') === 'master';
    return {
      role: isMaster ? 'master' : 'replica',
      offset: Number(infoField(info, isMaster ? 'master_repl_offset' : 'slave_repl_offset')),
      inStep: isMaster || infoField(info, 'master_link_status') === 'up',
    };
  });
}

/** Asks once over a connection of its own; undefined after any error. */
async function ask<T>(
  port: number,
  username: string,
  password: string | undefined,
  question: (redis: Redis) => Promise<T>,
): Promise<T | undefined> {
  const redis = new Redis({
    host: localhost,
    port,
    username,
    ...(password === undefined ? {} : { password }),
    lazyConnect: true,
    connectTimeout: defaultTimeoutMs,
    commandTimeout: defaultTimeoutMs,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    disableClientInfo: true,
  });
  redis.on('error', () => {}); // the rejected promise reports it
  try {
    await redis.connect();
    return await question(redis);
  } catch {
    return undefined;
  } finally {
    redis.disconnect();
  }
}

/**
 * The status of `GET http://127.0.0.1:port/path`; undefined if there is no answer in time.
 * @param auth `user:password` of basic authentication
 */
export function httpStatus(
  port: number,
  path: string,
  timeoutMs = defaultTimeoutMs,
  auth?: string,
): Promise<number | undefined> {
  return new Promise((done) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const request = get({ host: localhost, port, path, agent: false, auth, signal }, (response) => {
      response.resume();
      done(response.statusCode);
    });
    request.on('error', () => done(undefined));
  });
}

/** Whether a process listens on this port. */
async function listens(port: number): Promise<boolean> {
  const socket = connect({ host: localhost, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(defaultTimeoutMs) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
