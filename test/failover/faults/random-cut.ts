/** A cut of any shape and length, drawn from the seed; in some a process dies while it lasts. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../load/random.ts';
import { nginxNames, redisNames, sentinelNames, serviceReplicas } from './cuts.ts';
import type { Fault, FaultContext } from './fault.ts';
import { type Link, linksBetween } from './network.ts';

const shortestMs = 300;
const longestMs = 60_000;
/** How often a process dies during a cut that is long enough for it. */
const deathShare = 2 / 3;
/** A death and a healing closer together than this are two faults. */
const apartMs = 10_000;

/** Draws the links of a cut: two sides, two groups that overlap with neither, or single links by chance. */
function drawLinks(names: readonly string[], random: Random): Link[] {
  const shape = random.pick(['two sides', 'two groups', 'single links'] as const);
  const ways = random.pick(['both ways', 'both ways', 'one way'] as const);
  if (shape === 'single links') {
    const share = random.pick([0.1, 0.3, 0.6]);
    const links = names.flatMap((from, i) =>
      names.slice(i + 1).flatMap((to) => {
        if (random.next() > share) return [];
        return random.next() < 0.5 ? linksBetween([from], [to], ways) : linksBetween([to], [from], ways);
      }),
    );
    return links.length > 0 ? links : drawLinks(names, random);
  }
  const groups: [string[], string[], string[]] = [[], [], []];
  for (const name of names) groups[random.int(0, shape === 'two sides' ? 1 : 2)]?.push(name);
  const [here, there] = groups;
  return here.length > 0 && there.length > 0 ? linksBetween(here, there, ways) : drawLinks(names, random);
}

/** Draws a length in ms; short ones as often as long ones. */
function drawLengthMs(random: Random): number {
  return Math.round(shortestMs * (longestMs / shortestMs) ** random.next());
}

function describe(links: readonly Link[]): string {
  const byTarget = new Map<string, string[]>();
  for (const [from, to] of links) byTarget.set(from, [...(byTarget.get(from) ?? []), to]);
  return [...byTarget].map(([from, to]) => `${from} ↛ ${to.join(' ')}`).join('; ');
}

/** Cuts Redis, Sentinels, services and Nginx from each other at random; only safety, and that all is well afterwards, is promised. */
export const randomCut: Fault = {
  name: 'random cut',
  promise: { failedFirstTries: 'some' },
  needs: 'proxies',
  async run(context: FaultContext) {
    const { cluster, random, log } = context;
    if (cluster.network === undefined) throw new Error('the links of this shop cannot be cut');
    const stores = [...redisNames, ...sentinelNames];
    const names = random.next() < 0.5 ? stores : [...stores, ...serviceReplicas(cluster), ...nginxNames(cluster)];
    const links = drawLinks(names, random);
    const lastsMs = drawLengthMs(random);
    const lastDeathMs = lastsMs - apartMs;
    const victim = lastDeathMs > 0 && random.next() < deathShare ? random.pick(names) : undefined;
    const comesBack = random.next() < 0.5;
    log(`for ${lastsMs} ms: ${describe(links)}`);
    await cluster.network.cut(links);
    const diesAfterMs = victim === undefined ? 0 : random.next() * lastDeathMs;
    await delay(diesAfterMs);
    if (victim !== undefined) {
      log(`${victim} is killed${comesBack ? ' and started again at once' : ''}`);
      if (comesBack) cluster.shop.kill(victim);
      else await cluster.shop.halt(victim);
    }
    await delay(lastsMs - diesAfterMs);
    await cluster.network.heal();
    log('the links are healed');
    if (victim === undefined || comesBack) return;
    await delay(apartMs);
    cluster.shop.revive(victim);
  },
};
