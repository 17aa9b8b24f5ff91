/** Three real Redis nodes that the test moves by hand: their Sentinels are stopped, and the test says what the Sentinels would say. */
import { Redis } from 'ioredis';
import { type Address, addressText, connectNode } from '../../api/redis/node.ts';
import { type Nodes, openNodes } from '../../api/redis/nodes.ts';
import { openReads, type Reads } from '../../api/redis/reads/reads.ts';
import type { Sentinels } from '../../api/redis/sentinels/sentinels.ts';
import { type RedisNodes, startRedisNodes } from './redis-nodes.ts';
import { replicaReport, sentinelReport } from './sentinel-reports.ts';
import { waitFor } from './wait.ts';

/** See {@link startMovedRedis}. Nodes are numbered 0 to 2; node 0 is the master at first. */
export type MovedRedis = {
  readonly nodes: RedisNodes;
  readonly sentinels: Sentinels;
  readonly reads: Reads;
  address(number: number): Address;
  /** The operator's connection to a node. */
  node(number: number): Redis;
  /** Sets what all Sentinels answer from now on; listeners hear of a new master. Without `changes` all replicas are up and in step. */
  say(master: number, changes?: Partial<Omit<Said, 'master'>>): void;
  /** Waits until the read path knows the history of the present master, which it needs when that is gone. */
  knowsHistory(): Promise<unknown>;
  /** Makes a node a replica of another and waits until it is connected. */
  follow(number: number, master: number): Promise<void>;
  close(): Promise<void>;
};

/** What the Sentinels say: the master, its flags, and which replicas are down or have an old offset. */
type Said = {
  readonly master: number;
  readonly flags: readonly string[];
  readonly down: readonly number[];
  readonly behind: readonly number[];
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

  const all = [0, 1, 2];
  const textOf = (number: number) => addressText(address(number));
  // A PING between two steps of a test would be a difference between replicas.
  await node(0).config('SET', 'repl-ping-replica-period', 3600);

  let said: Said = { master: 0, flags: [], down: [], behind: [] };
  function answers() {
    const replicas = all
      .filter((number) => number !== said.master)
      .map((number) => {
        const offset = said.behind.includes(number) ? 0 : 1e12;
        return replicaReport(textOf(number), { offset, pongAgeMs: 0, infoAgeMs: 0, down: said.down.includes(number) });
      });
    const changes = { masterFlags: new Set(['master', ...said.flags]), masterPongAgeMs: 0, masterInfoAgeMs: 0 };
    return [1, 2, 3].map((sentinel) => sentinelReport(sentinel, textOf(said.master), replicas, changes));
  }
  const sentinels: Sentinels = {
    view: () => answers()[0],
    changedAtMs: () => Number.NEGATIVE_INFINITY,
    nodes: () => new Set(all.map(textOf)),
    namedAtMs: () => performance.now(),
    silentForMs: () => 0,
    steadyForMs: () => Number.POSITIVE_INFINITY,
    ask: async () => answers(),
    hurry: () => undefined,
    failover: () => Promise.reject(new Error('no test asks for a failover')),
    onMaster(listener) {
      listeners.push(listener);
      listener(address(said.master));
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
    knowsHistory: () =>
      waitFor('the history of the master to be known', () => connections.masterHistory() !== undefined),
    say(master, changes = {}) {
      const before = said.master;
      said = { flags: [], down: [], behind: [], ...changes, master };
      if (master !== before) for (const listener of listeners) listener(address(master));
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
