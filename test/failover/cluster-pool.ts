/** Starts the kind of shop that a fault needs, and reuses the open one while it fits. */

import { type Cluster, startCluster } from './cluster.ts';
import { withClocks } from './faults/clocks.ts';
import type { Needs } from './faults/fault.ts';
import { withHooks } from './faults/in-process.ts';
import { withSpare } from './faults/membership.ts';

/** What is special about a shop, for each need. */
const shops: Record<Needs, () => Promise<Cluster>> = {
  nothing: () => startCluster(),
  proxies: () => startCluster({ proxied: true, changes: { replicas: { users: 2, products: 3, purchases: 2 } } }),
  'small memory': () => startCluster({ changes: { redisMaxMemory: '24mb' } }),
  'small disk': () => startCluster({ smallDiskFor: 'redis-1' }),
  'spare replica': () => startCluster({ rewire: (specs, settings) => withSpare(settings, specs) }),
  hooks: () => startCluster({ rewire: (specs, settings) => withHooks(settings.dir, specs) }),
  clocks: () => startCluster({ rewire: (specs, settings) => withClocks(settings.dir, specs) }),
};

/** See {@link createClusterPool}. */
export type ClusterPool = {
  /** A shop that has what is needed, freshly started if it must be. */
  clusterFor(needs: Needs): Promise<Cluster>;
  /** Ends the open one: the next is a new one. */
  end(): Promise<void>;
};

/** Keeps at most one shop open. */
export function createClusterPool(): ClusterPool {
  let open: { needs: Needs; cluster: Cluster } | undefined;
  async function end() {
    await open?.cluster.close();
    open = undefined;
  }
  return {
    async clusterFor(needs) {
      if (open?.needs === needs) return open.cluster;
      await end();
      const cluster = await shops[needs]();
      open = { needs, cluster };
      return cluster;
    },
    end,
  };
}
