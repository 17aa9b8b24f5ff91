/** For the tests of a project: a real Redis with two replicas and three Sentinels on free ports, shared by its files. */
import type { TestProject } from 'vitest/node';
import { serviceNames } from '../../api/services.ts';
import type { TestRedis } from './redis.ts';
import { createRedisNodes } from './redis-nodes.ts';
import { startOnDemand } from './start-on-demand.ts';

/** @returns what stops all of it again */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const nodes = await createRedisNodes();
  const { sentinels, masterName, redisPorts } = nodes;
  const users = [...serviceNames, 'operator'];
  const passwords = Object.fromEntries(users.map((user) => [user, nodes.password(user)]));
  const sentinelPasswords = Object.fromEntries(serviceNames.map((user) => [user, nodes.sentinelPassword(user)]));
  const redis: TestRedis = { sentinels, masterName, sentinelPasswords, redisPorts, passwords };
  project.provide('redis', redis);
  const endServer = await startOnDemand(project, () => nodes.shop.start());
  return async () => {
    await endServer();
    await nodes.close();
  };
}
