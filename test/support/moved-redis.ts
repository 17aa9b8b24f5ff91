/** Three real Redis nodes that the test moves by hand: their Sentinels are stopped, and the test says what the Sentinels would say. */
import { Redis } from 'ioredis';
import { type Address, connectNode } from '../../api/redis/node.ts';
import { type Nodes, openNodes } from '../../api/redis/nodes.ts';
import { openReads, type Reads } from '../../api/redis/reads.ts';
import type { SentinelAnswer, Sentinels } from '../../api/redis/sentinels.ts';
import { type RedisNodes, startRedisNodes } from '../../ops/local/redis-nodes.ts';
import { waitFor } from './wait.ts';

/** See {@link startMovedRedis}. Nodes are numbered 0 to 2; node 0 is the master at first. */
export type MovedRedis = {
  readonly nodes: RedisNodes;
  readonly sentinels: Sentinels;
  readonly reads: Reads;
  address(number: number): Address;
  /** The operator's connection to a node. */
  node(number: number): Redis;
  /** Sets what all Sentinels answer from now on; listeners hear of a new master. */
  say(master: number, ...flags: string[]): void;
  /** Makes a node a replica of another and waits until it is connected. */
  follow(number: number, master: number): Promise<void>;
  close(): Promise<void>;
};

/** Starts them, in about 2 s, and opens the read path of the service `users` on them. */
export async function startMovedRedis(): Promise<MovedRedis> {
  const nodes = await startRedisNodes();
  for (const name of ['sentinel-1', 'sentinel-2', 'sentinel-3']) await nodes.shop.halt(name); // they would undo what the test does
  const password = nodes.password('operator');
  const redis = nodes.redisPorts.map((port) => new Redis({ port, username: 'operator', password, protocol: 2 }));
  for (const each of redis) each.on('error', () => undefined); // some tests kill a node
  const address = (number: number): Address => ({ host: '127.0.0.1', port: nodes.redisPorts[number] ?? 0 });
  const node = (number: number) => redis[number] as Redis;
  const listeners: ((master: Address) => void)[] = [];

  function answer(master: number, flags: string[]): SentinelAnswer {
    const replicas = [0, 1, 2].filter((number) => number !== master);
    return {
      master: address(master),
      epoch: 1,
      masterFlags: new Set(['master', ...flags]),
      replicas: replicas.map((number) => ({ address: address(number), flags: new Set(['slave']) })),
      sentinelsDown: 0,
    };
  }

  let said = answer(0, []);
  const sentinels: Sentinels = {
    view: () => said,
    ask: async () => [said, said, said],
    hurry: () => undefined,
    failover: () => Promise.reject(new Error('no test asks for a failover')),
    onMaster(listener) {
      listeners.push(listener);
      listener(said.master);
      return () => undefined;
    },
    close: () => undefined,
  };
  const credentials = { username: 'users', password: nodes.password('users') };
  const connections: Nodes = openNodes(sentinels, (to) => connectNode(to, credentials));
  const reads = openReads(sentinels, connections);

  return {
    nodes,
    sentinels,
    reads,
    address,
    node,
    say(master, ...flags) {
      const before = said.master.port;
      said = answer(master, flags);
      if (said.master.port !== before) for (const listener of listeners) listener(said.master);
    },
    async follow(number, master) {
      await node(number).replicaof('127.0.0.1', address(master).port);
      await waitFor('the replica to follow', async () => ((await node(number).role()) as unknown[])[3] === 'connected');
    },
    async close() {
      reads.close();
      connections.close();
      for (const each of redis) each.disconnect();
      await nodes.close();
    },
  };
}
