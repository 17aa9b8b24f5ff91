/** Before the tests of a project: a real Redis with two replicas and three Sentinels on free ports, shared by its files. */
import type { TestProject } from 'vitest/node';
import { serviceNames } from '../../api/services.ts';
import type { TestRedis } from './redis.ts';
import { type RedisNodes, startRedisNodes } from './redis-nodes.ts';

let nodes: RedisNodes | undefined;

export async function setup(project: TestProject) {
  nodes = await startRedisNodes();
  const users = [...serviceNames, 'operator'];
  const passwords = Object.fromEntries(users.map((user) => [user, nodes?.password(user) ?? '']));
  const sentinelPasswords = Object.fromEntries(serviceNames.map((user) => [user, nodes?.sentinelPassword(user) ?? '']));
  const { sentinels, masterName, redisPorts } = nodes;
  const redis: TestRedis = { sentinels, masterName, sentinelPasswords, redisPorts, passwords };
  project.provide('redis', redis);
}

export async function teardown() {
  await nodes?.close();
}
