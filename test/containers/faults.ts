/**
 * Breaks a Compose shop of its own, one thing after another under load, and prints what clients saw: the rows of ops/README.md.
 *
 *   node --import tsx test/containers/faults.ts [WORD] [TIMES]      only the faults whose name has WORD, each TIMES times (once)
 *
 * Ends with 1 if anything was lost or the books are wrong. The last column tells how far the times can be trusted: how long this process,
 * which does next to nothing, was kept from running.
 */
import { cpus, loadavg } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { type ComposeShop, composeShop } from './compose.ts';
import { startLoad } from './load.ts';

type Fault = { readonly name: string; readonly seconds: number; inject(shop: ComposeShop): Promise<void> };

const crash = (service: string) => async (shop: ComposeShop) => {
  const [container = ''] = await shop.containers(service);
  await shop.crash(container);
};
const freeze = (service: string, seconds: number) => async (shop: ComposeShop) => {
  const [container = ''] = await shop.containers(service);
  await shop.docker('pause', container);
  await delay(seconds * 1000);
  await shop.docker('unpause', container);
};
const scale = (shop: ComposeShop, replicas: number) =>
  shop.compose('up', '-d', '--no-recreate', '--scale', `products=${replicas}`, 'products');

const faults: readonly Fault[] = [
  { name: 'nothing', seconds: 12, inject: async () => {} },
  { name: '`users` killed', seconds: 12, inject: crash('users') },
  { name: '`products` killed', seconds: 12, inject: crash('products') },
  { name: '`purchases` killed', seconds: 12, inject: crash('purchases') },
  { name: '`products` frozen for 10 s', seconds: 20, inject: freeze('products', 10) },
  { name: 'a Sentinel killed', seconds: 12, inject: crash('sentinel-2') },
  {
    name: 'a Redis replica killed',
    seconds: 12,
    inject: async (shop) => crash((await shop.master()) === 'redis-1' ? 'redis-2' : 'redis-1')(shop),
  },
  { name: 'the Redis master killed', seconds: 15, inject: async (shop) => crash(await shop.master())(shop) },
  {
    name: 'the Redis master frozen for 10 s',
    seconds: 20,
    inject: async (shop) => freeze(await shop.master(), 10)(shop),
  },
  {
    name: 'the Redis master killed for good, started again 6 s later',
    seconds: 20,
    async inject(shop) {
      const master = await shop.master();
      await shop.compose('kill', master);
      await delay(6000);
      await shop.compose('up', '-d', master);
    },
  },
  {
    name: '`products` scaled from 2 to 4 and back',
    seconds: 25,
    async inject(shop) {
      await scale(shop, 4);
      await delay(6000);
      await scale(shop, 2);
    },
  },
  { name: 'Nginx killed', seconds: 12, inject: crash('nginx') },
];

const [word = '', times = '1'] = process.argv.slice(2);
const inSeconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
let sound = true;

async function row(shop: ComposeShop, password: string, { name, seconds, inject }: Fault): Promise<string> {
  const load = await startLoad([shop.url], { email: 'admin@example.com', password }, 40);
  const stall = monitorEventLoopDelay({ resolution: 10 });
  stall.enable();
  const over = delay(seconds * 1000);
  await delay(3000);
  await inject(shop);
  await over;
  stall.disable();
  const seen = await load.stop();
  sound &&= seen.lost === 0 && seen.violations.length === 0;
  const reasons = Object.entries(seen.reasons).map(([reason, count]) => `${count} ${reason}`);
  return [
    name,
    seen.requests,
    [seen.failed, ...reasons].join(', '),
    inSeconds(seen.longestPurchaseGapMs),
    seen.lost + seen.violations.length,
    inSeconds(stall.max / 1e6),
  ].join(' | ');
}

const shop = await composeShop(`shop-faults-${process.pid}`);
try {
  await shop.compose('up', '-d', '--wait', '--build', '--quiet-pull');
  const password = await shop.adminPassword();
  console.log(`${cpus().length} cores, load before ${loadavg()[0]?.toFixed(1)}`);
  console.log(
    'what | requests | failed first tries | longest gap between purchases | lost, or wrong in the books | stall',
  );
  for (const fault of faults.filter(({ name }) => name.includes(word))) {
    for (let time = 0; time < Number(times); time += 1) {
      await shop.compose('up', '-d', '--wait');
      console.log(await row(shop, password, fault));
    }
  }
} finally {
  await shop.compose('down', '-v', '--remove-orphans', '--timeout', '2');
}
process.exitCode = sound ? 0 : 1;
