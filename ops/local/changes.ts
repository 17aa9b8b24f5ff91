// Changes of a running shop: more or fewer replicas, more memory, and the order in which it stops.
import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { redisState } from './health.ts';
import { writeTargets } from './monitoring.ts';
import type { Settings } from './settings.ts';
import type { ProcessSpec } from './spec.ts';
import type { Supervisor } from './supervisor.ts';

/** A shop as these functions change it. `specs()` are the processes that the present settings ask for. */
export type ShopState = {
  settings: Settings;
  readonly processes: Supervisor;
  specs(): ProcessSpec[];
};

/** Starts or stops replicas of a service until there are `count`. Nginx follows without a lost request. */
export async function scaleService(shop: ShopState, service: string, count: number): Promise<void> {
  const { replicas } = shop.settings;
  if (!(service in replicas)) {
    throw new Error(`There is no service '${service}'. There are: ${Object.keys(replicas).join(', ')}.`);
  }
  if (!Number.isInteger(count) || count < 1 || count > 99) throw new Error('A service has 1 to 99 replicas.');
  shop.settings = { ...shop.settings, replicas: { ...replicas, [service]: count } };
  const wanted = shop.specs();
  const added = wanted.filter(({ name }) => !shop.processes.has(name)).map(shop.processes.add);
  for (const each of added) each.start();
  // New replicas get requests when they work; old ones stop when they get none any more.
  await shop.processes.waitUntilHealthy(added.map((each) => each.spec().name));
  reloadNginx(shop);
  writeTargets(shop.settings, wanted);
  const names = new Set(wanted.map(({ name }) => name));
  const surplus = shop.processes.ofKind(service).filter((each) => !names.has(each.spec().name));
  await shop.processes.stop(surplus);
  for (const each of surplus) shop.processes.remove(each.spec().name);
}

/** Renders the present upstreams and reloads Nginx; its old workers finish their requests. */
function reloadNginx({ settings, processes, specs }: ShopState): void {
  for (const spec of specs()) {
    if (spec.kind !== 'nginx') continue;
    const nginx = processes.find(spec.name);
    nginx.change(spec);
    execFileSync(spec.command[0] ?? '', [...spec.command.slice(1), 'render'], {
      env: { ...settings.inherited, ...spec.env },
    });
    nginx.signal('SIGHUP');
  }
}

/** Sets `maxmemory` of every Redis node, such as 1gb, without a restart, and for later restarts of a node. */
export async function setRedisMemory(shop: ShopState, size: string): Promise<void> {
  if (!/^\d+(kb|mb|gb)$/.test(size)) throw new Error(`'${size}' is not a size: write it like 512mb or 1gb.`);
  const { settings, processes } = shop;
  const [sentinel] = processes.ofKind('sentinel');
  const { REDIS_PASSWORD_OPERATOR = '' } = settings.secrets;
  await promisify(execFile)('sh', [join(settings.projectDir, 'redis', 'cluster.sh'), 'memory', size], {
    env: { ...settings.inherited, ...sentinel?.spec().env, REDIS_PASSWORD_OPERATOR },
  });
  shop.settings = { ...settings, redisMaxMemory: size };
  for (const spec of shop.specs()) if (spec.kind === 'redis') processes.find(spec.name).change(spec);
}

/** Stops every process in order: Nginx and monitoring, services, Sentinels, Redis replicas, the Redis master. */
export async function stopInOrder({ settings, processes }: ShopState): Promise<void> {
  const inTurn = (order: number) => processes.all().filter((each) => each.spec().stopOrder === order);
  for (const order of [1, 2, 3]) await processes.stop(inTurn(order));
  // The replicas stop while the master still runs and sends them the last write. The master then waits for no replica.
  const nodes = inTurn(4);
  const states = await Promise.all(nodes.map((each) => redisState(each.spec().port, settings.secrets)));
  await processes.stop(nodes.filter((_, index) => states[index]?.role !== 'master'));
  await processes.stop(nodes.filter((_, index) => states[index]?.role === 'master'));
}
