/**
 * Three real Redis nodes and three Sentinels with the shop's timings, for cuts of the network. Every link goes through a proxy of this
 * process. A node listens on an address of its own (127.0.0.11 to .13, Sentinels .21 to .23) and connects from it, so the proxy knows both ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { openRedis, type ShopRedis } from '../../api/redis/open.ts';
import { waitFor } from '../support/wait.ts';
import { redisLines, sentinelLines } from './config.ts';
import { type Cut, createLinks } from './links.ts';
import { addressOf, isSentinel, type Member, processes, redisNodes } from './members.ts';

/** See {@link startCluster}. `r1` is the master at first. */
export type Cluster = {
  /** Cuts links, in place of those that were cut before; what was held back on the others is delivered. */
  cut(links: Cut): void;
  heal(): void;
  kill(member: Member): void;
  /** Starts a process again; a Sentinel without memory of what it knew. @param master whom it watches or follows */
  restart(member: Member, master: Member): void;
  /** A connection that no cut concerns. Disconnect it. */
  direct(member: Member): Redis;
  /** The master that Sentinel `s2` names, and the epoch of that. */
  master(): Promise<Member>;
  epoch(): Promise<number>;
  /** Asks Sentinel `s2` for a failover; nothing happens if it refuses. */
  failover(): Promise<void>;
  /** The Redis nodes as a service has them. */
  openService(log?: (event: string) => void): ShopRedis;
  /** Waits until one node is master and the two others follow it. */
  settled(): Promise<Member>;
  /**
   * Waits until every Sentinel hears every node. After a cut this takes longer than `settled`: a Sentinel gives up a connection attempt that was
   * under way during the cut only after 15 s (SENTINEL_MIN_LINK_RECONNECT_PERIOD in sentinel.c). A cut before that would be a second fault.
   */
  allHeard(): Promise<unknown>;
  close(): Promise<void>;
};

/** Starts the cluster in about 4 s. @param portBase a free range of 30 ports */
export async function startCluster(portBase: number): Promise<Cluster> {
  const dir = mkdtempSync(join(tmpdir(), 'partitions-'));
  const portOf = (member: Member) => portBase + (isSentinel(member) ? 20 : 0) + Number(member[1]);
  const memberOf = (port: number) => processes.find((member) => portOf(member) === port) as Member;
  const running = new Map<Member, ChildProcess>();
  const links = createLinks(portOf);

  function start(member: Member, master: Member) {
    const folder = join(dir, member);
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'redis.conf');
    const own = addressOf(member);
    const common = [
      `bind ${own}`,
      `bind-source-addr ${own}`,
      `port ${portOf(member)}`,
      `dir ${folder}`,
      `logfile ${folder}/log`,
    ];
    const role = isSentinel(member) ? sentinelLines(portOf(member), portOf(master)) : redisLines(portOf(member));
    const follow = isSentinel(member) || member === master ? [] : [`replicaof 127.0.0.1 ${portOf(master)}`];
    writeFileSync(file, [...common, ...role, ...follow, ''].join('\n'));
    const flags = isSentinel(member) ? ['--sentinel'] : [];
    running.set(member, spawn('redis-server', [file, ...flags], { stdio: 'ignore' }));
    if (isSentinel(member)) void setPeriods(member).catch(() => undefined);
  }

  /** As redis/sentinel.sh does it. */
  async function setPeriods(member: Member) {
    const sentinel = direct(member);
    const periods = ['info-period', 250, 'publish-period', 500, 'ping-period', 500, 'tilt-period', 5000];
    await waitFor('the Sentinel to take its periods', () =>
      sentinel.call('SENTINEL', 'DEBUG', ...periods).catch(() => undefined),
    ).finally(() => sentinel.disconnect());
  }

  function direct(member: Member): Redis {
    const password = isSentinel(member) ? { password: 'x', enableReadyCheck: false } : {};
    const redis = new Redis({
      host: addressOf(member),
      port: portOf(member),
      protocol: 2,
      disableClientInfo: true,
      ...password,
    });
    redis.on('error', () => undefined);
    return redis;
  }

  async function ask<T>(member: Member, question: (redis: Redis) => Promise<T>): Promise<T | undefined> {
    const redis = direct(member);
    const late = new Promise<undefined>((resolve) => setTimeout(resolve, 500, undefined));
    return Promise.race([question(redis), late])
      .catch(() => undefined)
      .finally(() => redis.disconnect());
  }

  async function master(): Promise<Member> {
    return waitFor('Sentinel s2 to answer', async () => {
      const address = await ask('s2', (redis) => redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'shop'));
      return Array.isArray(address) ? memberOf(Number(address[1])) : undefined;
    });
  }

  /** A field of SENTINEL MASTER. */
  async function field(sentinel: Member, name: string): Promise<string | undefined> {
    const fields = (await ask(sentinel, (redis) => redis.call('SENTINEL', 'MASTER', 'shop'))) as string[] | undefined;
    return fields?.[fields.indexOf(name) + 1];
  }

  async function settled(): Promise<Member> {
    return waitFor(
      'one master and two replicas that follow it',
      async () => {
        const named = await master();
        for (const node of redisNodes) {
          const role = (await ask(node, (redis) => redis.role())) as unknown[] | undefined;
          const isRight =
            node === named ? role?.[0] === 'master' : role?.[2] === portOf(named) && role[3] === 'connected';
          if (!isRight) return undefined;
        }
        return named;
      },
      30_000,
    );
  }

  async function hearsAll(sentinel: Member): Promise<boolean> {
    const replicas = (await ask(sentinel, (redis) => redis.call('SENTINEL', 'REPLICAS', 'shop'))) as
      | string[][]
      | undefined;
    const states = replicas?.map((replica) => {
      const of = (name: string) => replica[replica.indexOf(name) + 1];
      return of('flags') === 'slave' && of('runid') !== ''; // no run id: no INFO yet since the last change of master
    });
    if (states?.join() !== 'true,true' || (await field(sentinel, 'flags')) !== 'master') return false;
    return (await field(sentinel, 'num-other-sentinels')) === '2';
  }

  function allHeard() {
    return waitFor(
      'every Sentinel to hear every node and to know the others',
      async () => (await Promise.all((['s1', 's2', 's3'] as const).map(hearsAll))).every(Boolean),
      30_000,
    );
  }

  for (const member of processes) start(member, 'r1');
  await settled();
  await allHeard();

  return {
    cut: links.cut,
    heal: () => links.cut(() => false),
    kill: (member) => void running.get(member)?.kill('SIGKILL'),
    restart: start,
    direct,
    master,
    epoch: async () => Number(await field('s2', 'config-epoch')),
    async failover() {
      await ask('s2', (redis) => redis.call('SENTINEL', 'FAILOVER', 'shop'));
    },
    settled,
    allHeard,
    openService: (log) =>
      openRedis(
        {
          sentinels: [1, 2, 3].map((number) => `127.0.0.1:${portBase + 20 + number}`),
          nodes: [1, 2, 3].map((number) => `127.0.0.1:${portBase + number}`),
          masterName: 'shop',
          sentinelPassword: 'x',
          username: 'users',
          password: 'x',
        },
        undefined,
        log,
      ),
    async close() {
      for (const child of running.values()) child.kill('SIGKILL');
      await links.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
