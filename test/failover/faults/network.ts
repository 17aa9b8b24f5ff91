/** Partitions: what one part sends to another does not arrive, one way or both. Needs a shop whose parts are reached through the proxy. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { serviceNames } from '../../../api/services.ts';
import type { Settings } from '../../../ops/local/settings.ts';
import { type ProcessSpec, topology } from '../../../ops/local/topology.ts';
import type { Stage } from '../stage.ts';
import type { Fault, Promised, Scene } from './fault.ts';
import type { Order, Rule } from './proxy-process.ts';

/** A proxy in front of every Redis, Sentinel and service. */
export type Network = {
  rewire(specs: ProcessSpec[]): ProcessSpec[];
  /** Cuts every one of `from` off every one of `to`. `one way`: what `from` sends is swallowed, what `to` sends arrives. */
  cut(stage: Stage, from: readonly string[], to: readonly string[], ways: 'both ways' | 'one way'): Promise<void>;
  heal(): Promise<void>;
  close(): void;
};

/** Starts the proxy for a shop with these settings, which is started afterwards. */
export async function openNetwork(settings: Settings): Promise<Network> {
  const isProxied = ({ kind }: ProcessSpec) =>
    kind !== 'nginx' && (kind in settings.replicas || /^(redis|sentinel)$/.test(kind));
  const proxy = fork(fileURLToPath(new URL('./proxy-process.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
  });
  const order = async (what: Order) => {
    proxy.send(what);
    await once(proxy, 'message', { signal: AbortSignal.timeout(10_000) });
  };
  await order({
    listen: topology(settings)
      .filter(isProxied)
      .map(({ port }) => port),
  });
  return {
    rewire: (specs) =>
      specs.map((spec) =>
        isProxied(spec) ? { ...spec, env: { ...spec.env, BIND: '127.0.0.2', HOST: '127.0.0.2' } } : spec,
      ),
    async cut(stage, from, to, ways) {
      const status = await stage.shop.status();
      const side = (names: readonly string[]) => status.filter(({ name }) => names.includes(name));
      const pids = (names: readonly string[]) => side(names).flatMap(({ pid }) => (pid === null ? [] : [pid]));
      const ports = (names: readonly string[]) => side(names).map(({ port }) => port);
      const there: Rule = { from: pids(from), fromPorts: ports(from), to: pids(to), toPorts: ports(to) };
      const back: Rule = { from: there.to, fromPorts: there.toPorts, to: there.from, toPorts: there.fromPorts };
      await order({ swallow: ways === 'both ways' ? [there, back] : [there] });
    },
    heal: () => order({ swallow: [] }),
    close: () => proxy.disconnect(),
  };
}

const cutMs = 6000;
const within5s: Promised = { failedFirstTries: 'none', longestGapMs: 5000 };
const sentinels = ['sentinel-1', 'sentinel-2', 'sentinel-3'];

function partition(
  name: string,
  promise: Promised,
  sides: (scene: Scene) => Promise<{ from: readonly string[]; to: readonly string[]; ways: 'both ways' | 'one way' }>,
): Fault {
  return {
    name,
    promise,
    needs: 'proxies',
    async run(scene) {
      const { stage, log } = scene;
      if (stage.network === undefined) throw new Error('this shop has no proxies');
      const { from, to, ways } = await sides(scene);
      log(`cut ${from.join(' ')} from ${to.join(' ')}, ${ways}`);
      await stage.network.cut(stage, from, to, ways);
      await delay(cutMs);
      await stage.network.heal();
    },
  };
}

const services = (stage: Stage) =>
  stage.shop.names().filter((name) => serviceNames.some((service) => name.startsWith(service)));

/** The master cut off each kind of its peers; then what else can lose sight of each other. */
export const ofNetwork: readonly Fault[] = [
  partition('master cut from its replicas', within5s, async ({ stage }) => ({
    from: [await stage.master()],
    to: await stage.replicas(),
    ways: 'both ways',
  })),
  partition('master cut from its replicas, one way: they do not hear it', within5s, async ({ stage }) => ({
    from: [await stage.master()],
    to: await stage.replicas(),
    ways: 'one way',
  })),
  partition('master cut from its replicas, one way: it does not hear them', within5s, async ({ stage }) => ({
    from: await stage.replicas(),
    to: [await stage.master()],
    ways: 'one way',
  })),
  partition(
    'master cut from one replica',
    { failedFirstTries: 'none', longestGapMs: 1000 },
    async ({ stage, random }) => ({
      from: [await stage.master()],
      to: [random.pick(await stage.replicas())],
      ways: 'both ways',
    }),
  ),
  partition('master cut from the Sentinels', within5s, async ({ stage }) => ({
    from: [await stage.master()],
    to: sentinels,
    ways: 'both ways',
  })),
  partition('master cut from the Sentinels, one way: they do not hear it', within5s, async ({ stage }) => ({
    from: [await stage.master()],
    to: sentinels,
    ways: 'one way',
  })),
  partition('master cut from the Sentinels, one way: it does not hear them', within5s, async ({ stage }) => ({
    from: sentinels,
    to: [await stage.master()],
    ways: 'one way',
  })),
  partition('master cut from the services', within5s, async ({ stage }) => ({
    from: [await stage.master()],
    to: services(stage),
    ways: 'both ways',
  })),
  partition('master cut from the services, one way: they do not hear it', within5s, async ({ stage }) => ({
    from: [await stage.master()],
    to: services(stage),
    ways: 'one way',
  })),
  partition('master cut from Sentinels and replicas', within5s, async ({ stage }) => ({
    from: [await stage.master()],
    to: [...sentinels, ...(await stage.replicas())],
    ways: 'both ways',
  })),
  partition('services cut from the Sentinels', { failedFirstTries: 'none', longestGapMs: 1000 }, async ({ stage }) => ({
    from: services(stage),
    to: sentinels,
    ways: 'both ways',
  })),
  partition(
    'one Sentinel cut from everybody',
    { failedFirstTries: 'none', longestGapMs: 500 },
    async ({ stage, random }) => {
      const one = random.pick(sentinels);
      return { from: [one], to: stage.shop.names().filter((name) => name !== one), ways: 'both ways' };
    },
  ),
  partition(
    'purchases cut from Nginx',
    { failedFirstTries: 'none', longestGapMs: 6000 },
    async ({ stage, random }) => ({
      from: [`purchases-${random.int(1, 2)}`],
      to: stage.shop.names().filter((name) => name.startsWith('nginx')),
      ways: random.pick(['both ways', 'one way'] as const),
    }),
  ),
  partition(
    'one replica of products cut from the master',
    { failedFirstTries: 'none', longestGapMs: 5000 },
    async ({ stage, random }) => ({
      from: [`products-${random.int(1, 2)}`],
      to: [await stage.master()],
      ways: 'both ways',
    }),
  ),
];
