/** The operator's view of the Redis nodes: connections to all of them, and whether they hold the same. */

import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { infoField } from '../../api/redis/info.ts';
import { waitFor } from '../support/wait.ts';
import type { FinalState } from './history/history.ts';

/** Where the nodes are and how the operator gets in. */
export type Nodes = { readonly ports: readonly number[]; readonly password: string };

/** A connection as the operator; disconnect it. */
export function operatorOn(port: number, password: string): Redis {
  const redis = new Redis({
    port,
    username: 'operator',
    password,
    protocol: 2,
    disableClientInfo: true,
    commandTimeout: 5000,
  });
  redis.on('error', () => undefined);
  return redis;
}

/** Runs with connections to all nodes, the master's first. Waits until there is one master and all others follow it. */
export async function withNodes<T>({ ports, password }: Nodes, run: (nodes: Redis[]) => Promise<T>): Promise<T> {
  const all = ports.map((port) => operatorOn(port, password));
  try {
    const master = await waitFor(
      'one master that all others follow',
      async () => {
        const roles = (await Promise.all(all.map((node) => node.role()))) as unknown[][];
        const masters = all.filter((_, i) => roles[i]?.[0] === 'master');
        const port = masters[0]?.options.port;
        const followers = roles.filter((role) => role[0] === 'slave' && role[2] === port && role[3] === 'connected');
        return masters.length === 1 && followers.length === all.length - 1 ? masters[0] : undefined;
      },
      60_000,
      200,
    );
    return await run([master, ...all.filter((node) => node !== master)]);
  } finally {
    for (const node of all) node.disconnect();
  }
}

/** Waits until all nodes have the same offset, and digests the keys and values of each. */
export function compareNodes(nodes: Nodes): Promise<Pick<FinalState, 'digests' | 'differing'>> {
  return withNodes(nodes, async (connections) => {
    const contents = new Map<string, Map<string, string>>();
    for (let attempt = 0; attempt < 5; attempt++) {
      await untilInStep(connections);
      contents.clear();
      for (const node of connections) contents.set(String(node.options.port), await contentOf(node));
      if (new Set([...contents.values()].map(digest)).size === 1) break;
      await delay(500); // the shop's own background work may write between two of the three
    }
    const [first, ...rest] = [...contents.values()];
    const keys = new Set([...contents.values()].flatMap((content) => [...content.keys()]));
    const differing = [...keys].filter((key) => rest.some((content) => content.get(key) !== first?.get(key)));
    const digests = Object.fromEntries([...contents].map(([port, content]) => [port, digest(content)]));
    return { digests, differing: differing.slice(0, 20) };
  });
}

async function untilInStep([master, ...replicas]: readonly Redis[]): Promise<void> {
  const untilMs = performance.now() + 20_000;
  const offset = async (node: Redis, name: string) => Number(infoField(await node.info('replication'), name));
  while (master !== undefined && performance.now() < untilMs) {
    const wanted = await offset(master, 'master_repl_offset');
    const reached = await Promise.all(replicas.map((node) => offset(node, 'slave_repl_offset')));
    if (reached.every((each) => each >= wanted)) return;
    await delay(100);
  }
}

const digest = (content: ReadonlyMap<string, string>) => hash([...content].sort().join('\n'));
const hash = (text: string) => createHash('sha1').update(text).digest('base64url');

/** Every key with a hash of its value, the same whatever order and encoding a node keeps it in. Counters of limits are no state. */
async function contentOf(node: Redis): Promise<Map<string, string>> {
  const content = new Map<string, string>();
  let cursor = '0';
  do {
    const [next, keys] = await node.scan(cursor, 'COUNT', 2000);
    cursor = next;
    const types = await pipelined(node, keys, (pipeline, key) => pipeline.type(key));
    const values = await pipelined(
      node,
      keys,
      (pipeline, key, i) => readers[String(types[i])]?.(pipeline, key) ?? pipeline.ping(),
    );
    for (const [i, key] of keys.entries()) content.set(key, hash(canonical(String(types[i]), values[i])));
  } while (cursor !== '0');
  return content;
}

type Pipeline = ReturnType<Redis['pipeline']>;

async function pipelined(
  node: Redis,
  keys: readonly string[],
  add: (pipeline: Pipeline, key: string, i: number) => Pipeline,
) {
  const pipeline = node.pipeline();
  for (const [i, key] of keys.entries()) add(pipeline, key, i);
  return ((await pipeline.exec()) ?? []).map(([, value]) => value);
}

const readers: Record<string, (pipeline: Pipeline, key: string) => Pipeline> = {
  string: (pipeline, key) => pipeline.get(key),
  hash: (pipeline, key) => pipeline.hgetall(key),
  set: (pipeline, key) => pipeline.smembers(key),
  zset: (pipeline, key) => pipeline.zrange(key, '0', '-1', 'WITHSCORES'),
  list: (pipeline, key) => pipeline.lrange(key, 0, -1),
  stream: (pipeline, key) => pipeline.xrange(key, '-', '+'),
};

function canonical(type: string, value: unknown): string {
  if (type === 'hash') return JSON.stringify(Object.entries(value as object).sort());
  if (type === 'set') return JSON.stringify([...(value as string[])].sort());
  return JSON.stringify(value);
}
