/** A whole shop for the runs, on free ports and in a temporary folder, with its parts by their present role. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../../ops/local/settings.ts';
import { type Shop, startShop } from '../../ops/local/shop.ts';
import { masterName, type ProcessSpec, portsFrom } from '../../ops/local/spec.ts';
import { temporarySettings } from '../support/redis-nodes.ts';
import { waitFor } from '../support/wait.ts';
import { type Network, openNetwork } from './faults/network.ts';
import { mountSmallDisk } from './faults/small-disk.ts';
import type { Nodes } from './redis-nodes.ts';

/** See {@link startCluster}. */
export type Cluster = {
  readonly shop: Shop;
  readonly settings: Settings;
  readonly nodes: Nodes;
  /** How to ask the Sentinels. */
  readonly sentinels: { readonly ports: readonly number[]; readonly password: string; readonly masterName: string };
  /** Where the parts are reached through a proxy. */
  readonly network: Network | undefined;
  /** What the supervisor saw: deaths, freezes. */
  readonly events: string[];
  /** The name of the node that is master now. */
  master(): Promise<string>;
  /** The names of those that are not. */
  replicas(): Promise<string[]>;
  close(): Promise<void>;
};

/** The folder of the project. */
export const projectDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** See {@link startCluster}. */
export type ClusterOptions = {
  /** Of the settings. */
  changes?: Partial<Settings>;
  /** Of the topology. */
  rewire?: (specs: ProcessSpec[], settings: Settings) => ProcessSpec[];
  /** With a proxy in front of every part. */
  proxied?: boolean;
  /** The process whose folder is a small disk of its own. */
  smallDiskFor?: string;
};

/** Starts a whole shop. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { settings, remove } = await temporarySettings({ logLevel: 'warn', ...options.changes });
  const events: string[] = [];
  const ports = portsFrom(settings.portBase);
  const network = options.proxied ? await openNetwork(settings) : undefined;
  let unmount = () => {};
  const giveBack = async () => {
    network?.close();
    unmount();
    await remove();
  };
  try {
    if (options.smallDiskFor !== undefined) {
      const dir = join(settings.dir, options.smallDiskFor);
      mkdirSync(dir, { recursive: true });
      unmount = mountSmallDisk(dir);
    }
    const shop = await startShop(settings, {
      rewire: (specs) => {
        const rewired = options.rewire?.(specs, settings) ?? specs;
        return network?.rewire(rewired) ?? rewired;
      },
      onEvent: (event) => void events.push(JSON.stringify(event)),
    });
    const redis = async () => (await shop.status()).filter(({ kind }) => kind === 'redis');
    return {
      shop,
      settings,
      events,
      network,
      nodes: { ports: [1, 2, 3].map(ports.redis), password: settings.secrets.REDIS_PASSWORD_OPERATOR ?? '' },
      sentinels: {
        ports: [1, 2, 3].map(ports.sentinel),
        password: settings.secrets.SENTINEL_PASSWORD ?? '',
        masterName,
      },
      master: () =>
        waitFor('one master', async () => {
          const masters = (await redis()).filter(({ role }) => role === 'master');
          return masters.length === 1 ? masters[0]?.name : undefined;
        }),
      replicas: async () => (await redis()).filter(({ role }) => role === 'replica').map(({ name }) => name),
      async close() {
        await shop.killAll();
        await giveBack();
      },
    };
  } catch (error) {
    await giveBack();
    throw error;
  }
}

/** The folder in which a process of the shop keeps its data. */
export function dataDir(cluster: Cluster, name: string): string {
  return join(cluster.settings.dir, name);
}
