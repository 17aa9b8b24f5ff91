/** The network of a shop whose links can be cut: a proxy process between all parts, and the settings that lead every connection through it. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../../../ops/local/settings.ts';
import { type ProcessSpec, portsFrom } from '../../../ops/local/spec.ts';
import { topology } from '../../../ops/local/topology.ts';
import type { Listener, Order } from './link-proxy.ts';

/** A directed link: what the first process sends does not reach the second. */
export type Link = readonly [from: string, to: string];

/** See {@link openNetwork}. */
export type Network = {
  rewire(specs: ProcessSpec[]): ProcessSpec[];
  /** Cuts these links and heals all others. Holds for a process that is restarted meanwhile, too. */
  cut(links: readonly Link[]): Promise<void>;
  heal(): Promise<void>;
  close(): void;
};

/** Every link from one of `a` to one of `b`, and back unless `ways` is `one way`. */
export function linksBetween(
  a: readonly string[],
  b: readonly string[],
  ways: 'both ways' | 'one way' = 'both ways',
): Link[] {
  const there = a.flatMap((from) => b.filter((to) => to !== from).map((to): Link => [from, to]));
  return ways === 'one way'
    ? there
    : there.flatMap(([from, to]): Link[] => [
        [from, to],
        [to, from],
      ]);
}

/** Starts the proxy process alone. @param sources names by source address */
export async function startLinkProxy(
  listen: readonly Listener[],
  sources: Readonly<Record<string, string>>,
): Promise<Pick<Network, 'cut' | 'heal' | 'close'>> {
  const proxy = fork(fileURLToPath(new URL('./link-proxy.ts', import.meta.url)), { execArgv: ['--import', 'tsx'] });
  const order = async (what: Order) => {
    proxy.send(what);
    await once(proxy, 'message', { signal: AbortSignal.timeout(10_000) });
  };
  await order({ listen, sources });
  return { cut: (cut) => order({ cut }), heal: () => order({ cut: [] }), close: () => proxy.disconnect() };
}

const shared = '127.0.0.1';
const isStore = ({ kind }: ProcessSpec) => kind === 'redis' || kind === 'sentinel';
const isNginx = ({ kind }: ProcessSpec) => kind === 'nginx';

/** Starts the proxy for a shop with these settings, which is started afterwards. */
export async function openNetwork(settings: Settings): Promise<Network> {
  const parts = topology(settings).filter((spec) => isStore(spec) || isNginx(spec) || spec.kind in settings.replicas);
  const number = (name: string) => parts.findIndex((spec) => spec.name === name) + 1;
  const sourceOf = (name: string) => `127.0.1.${number(name)}`;
  const targetOf = ({ name }: ProcessSpec) => ({ name, host: `127.0.2.${number(name)}` });
  const internalPort = portsFrom(settings.portBase).internal;
  const bin = join(settings.dir, 'bin');
  writePrograms(bin);

  const listen: Listener[] = parts.flatMap((spec): Listener[] => {
    if (isNginx(spec)) return [];
    const { port } = spec;
    const targets = [targetOf(spec)];
    // `redis-cli` of the entry scripts cannot choose its source address: it calls the proxy at its own address instead.
    const forScripts = isStore(spec) ? parts.filter(isStore) : [];
    return [
      { host: shared, port, targets },
      ...forScripts.map(({ name }) => ({ host: sourceOf(name), port, targets, source: name })),
    ];
  });
  listen.push({ host: shared, port: internalPort, targets: parts.filter(isNginx).map(targetOf) });

  const sources = Object.fromEntries(parts.map(({ name }) => [sourceOf(name), name]));
  const proxy = await startLinkProxy(listen, sources);

  function rewire(spec: ProcessSpec): ProcessSpec {
    if (number(spec.name) === 0) return spec;
    const { host } = targetOf(spec);
    const env: Record<string, string> = { SOURCE_ADDRESS: sourceOf(spec.name) };
    if (isNginx(spec) || isStore(spec)) env.PATH = `${bin}:${settings.inherited.PATH}`;
    if (isNginx(spec)) env.INTERNAL_LISTEN = `${host}:${internalPort}`;
    else if (isStore(spec)) env.BIND = host;
    else {
      env.HOST = host;
      env.NODE_OPTIONS = `--import ${new URL('./source-address.mjs', import.meta.url).href}`;
    }
    return { ...spec, env: { ...spec.env, ...env } };
  }

  return {
    rewire: (specs) => specs.map(rewire),
    ...proxy,
  };
}

/** Stand-ins that start the real programs so that they connect from SOURCE_ADDRESS. */
function writePrograms(dir: string): void {
  const real = 'PATH=$' + '{PATH#*:}';
  const programs = {
    'redis-server': `${real} exec redis-server "$@" --bind-source-addr "$SOURCE_ADDRESS"`,
    'redis-cli': `${real} exec redis-cli "$@" -h "$SOURCE_ADDRESS"`,
    nginx: [
      'case " $* " in',
      '  *" -c "*) sed -i "s/^http {/http { proxy_bind $SOURCE_ADDRESS;/" "$DATA_DIR/nginx.conf" ;;',
      'esac',
      `${real} exec nginx "$@"`,
    ].join('\n'),
  };
  mkdirSync(dir, { recursive: true });
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(dir, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
}
