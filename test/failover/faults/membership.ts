/** A Redis replica comes and goes under load: what is acknowledged follows. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Settings } from '../../../ops/local/settings.ts';
import { type ProcessSpec, portsFrom } from '../../../ops/local/spec.ts';
import { waitFor } from '../../support/wait.ts';
import { askSentinel } from './elections.ts';
import type { Fault } from './fault.ts';

/** The node that comes and goes. */
const spare = 'redis-4';

/** A fourth Redis node, made like the third, and listed in every service's REDIS_NODES. */
export function withSpare(settings: Settings, specs: ProcessSpec[]): ProcessSpec[] {
  const ports = portsFrom(settings.portBase);
  return specs.flatMap((spec) => {
    const port = ports.redis(4);
    const { REDIS_NODES } = spec.env;
    if (REDIS_NODES !== undefined)
      return [{ ...spec, env: { ...spec.env, REDIS_NODES: `${REDIS_NODES},127.0.0.1:${port}` } }];
    if (spec.name !== 'redis-3') return [spec];
    const env = { ...spec.env, PORT: String(port), DATA_DIR: String(spec.env.DATA_DIR).replace(/redis-3$/, spare) };
    return [spec, { ...spec, name: spare, port, env, health: { ...spec.health, port } }];
  });
}

/** See the name. It begins with four nodes, removes one, and adds it again. */
export const membershipFaults: readonly Fault[] = [
  {
    name: 'a Redis replica removed, and one added',
    promise: { failedFirstTries: 'none', longestGapMs: 1000 },
    needs: 'spare replica',
    async run({ cluster, log }) {
      const knows = async (count: number) => {
        const lists = await Promise.all([1, 2, 3].map((number) => askSentinel(cluster, number, 'REPLICAS')));
        return lists.every((list) => (list as unknown[]).length === count);
      };
      if ((await cluster.master()) === spare) throw new Error('the spare node should be a replica');
      log(`${spare} is stopped and forgotten`);
      await cluster.shop.halt(spare);
      await delay(3000);
      for (const number of [1, 2, 3]) {
        await askSentinel(cluster, number, 'RESET'); // what the documentation of Sentinel says for a replica that is gone for good
        await delay(1500);
      }
      await waitFor('the Sentinels to know two replicas', () => knows(2), 20_000, 200);
      await delay(2000);
      log(`${spare} is added`);
      cluster.shop.revive(spare);
      await waitFor('the Sentinels to know three replicas', () => knows(3), 20_000, 200);
      await delay(2000);
    },
  },
];
