/** Schedules: what goes wrong, when, and for how long; drawn from a seed. */
import { createRandom } from './simulator.ts';

export type Link = { readonly from: string; readonly to: string };

export type Fault =
  | { readonly kind: 'cut'; readonly atMs: number; readonly untilMs: number; readonly links: readonly Link[] }
  | {
      readonly kind: 'slow';
      readonly atMs: number;
      readonly untilMs: number;
      readonly links: readonly Link[];
      readonly delayMs: number;
    }
  | { readonly kind: 'death'; readonly atMs: number; readonly process: string; readonly withHost: boolean }
  | { readonly kind: 'stall'; readonly atMs: number; readonly untilMs: number; readonly process: string };

export type Schedule = {
  /** Draws latencies, phases, votes and all else that is not listed here. */
  readonly seed: number;
  readonly faults: readonly Fault[];
  /** The longest time that a message takes on a healthy link. */
  readonly latencyMs: number;
  readonly resumes: 'at once' | 'by TCP';
  /** How much faster than right each process' clock runs, at most (0.01 is 1 %). */
  readonly drift: number;
};

/**
 * `promised`: one cut of any shape, a cut with one death while it lasts (10 s before it heals, or never healed), a stall, a death.
 * `not promised`: two cuts, a slow link and a cut, a death and a healing within 10 s of each other.
 */
export type Mode = 'promised' | 'not promised';

export const redisNames = ['redis-1', 'redis-2', 'redis-3'] as const;
export const sentinelNames = ['sentinel-1', 'sentinel-2', 'sentinel-3'] as const;
export const serviceNames = ['service-1', 'service-2'] as const;
export const processNames: readonly string[] = [...redisNames, ...sentinelNames, ...serviceNames];

/** When something happens, in order. */
export function turnsOf({ faults }: Schedule): number[] {
  const times = faults.flatMap((fault) => ('untilMs' in fault ? [fault.atMs, fault.untilMs] : [fault.atMs]));
  return times.sort((a, b) => a - b);
}

/** A death and a healing closer together than this are two events. */
export const apartMs = 10_000;
export const faultAtMs = 2000;

type Random = () => number;
const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
const between = (random: Random, least: number, most: number) => Math.round(least + (most - least) * random());

export function drawSchedule(seed: number, mode: Mode): Schedule {
  const random = createRandom(seed ^ 0x5bd1e995);
  for (let i = 0; i < 3; i++) random();
  return {
    seed,
    faults: mode === 'promised' ? drawPromised(random) : drawTwo(random),
    latencyMs: pick(random, [1, 1, 3, 10, 45]),
    resumes: random() < 0.5 ? 'at once' : 'by TCP',
    drift: random() < 0.2 ? 0.01 : 0,
  };
}

function drawPromised(random: Random): Fault[] {
  const kind = random();
  if (kind < 0.1) return [drawStall(random)];
  if (kind < 0.2) return [drawDeath(random, faultAtMs)];
  const cut = drawCut(random, drawLengthMs(random));
  if (kind < 0.65) return [cut];
  const death = drawDeath(random, faultAtMs + between(random, 0, 5000));
  return [{ ...cut, untilMs: Math.max(cut.untilMs, death.atMs + apartMs) }, death];
}

function drawTwo(random: Random): Fault[] {
  const cut = drawCut(random, drawLengthMs(random));
  const kind = random();
  if (kind < 0.35) {
    const other = drawCut(random, drawLengthMs(random));
    const shift = between(random, 0, cut.untilMs - cut.atMs + 2000);
    return [cut, { ...other, atMs: other.atMs + shift, untilMs: other.untilMs + shift }];
  }
  if (kind < 0.65) {
    const slow = drawCut(random, drawLengthMs(random) + 2000);
    const shift = between(random, -1000, 1000);
    return [
      cut,
      {
        kind: 'slow',
        atMs: slow.atMs + shift,
        untilMs: slow.untilMs + shift,
        links: slow.links,
        delayMs: between(random, 50, 2000),
      },
    ];
  }
  const death = drawDeath(random, Math.max(faultAtMs, cut.untilMs + between(random, -5000, 3000)));
  return [cut, death];
}

/** 0.3 s to 60 s, mostly short: a longer one costs as much time as many of those. */
function drawLengthMs(random: Random): number {
  const kind = random();
  if (kind < 0.8) return between(random, 300, 5000);
  return kind < 0.98 ? between(random, 5000, 12_000) : between(random, 12_000, 60_000);
}

function drawStall(random: Random): Fault {
  const process = pick(random, [redisNames[0], redisNames[0], ...processNames]);
  return { kind: 'stall', atMs: faultAtMs, untilMs: faultAtMs + between(random, 100, 6000), process };
}

function drawDeath(random: Random, atMs: number): Fault & { kind: 'death' } {
  const process = pick(random, [redisNames[0], redisNames[0], ...redisNames, ...sentinelNames]);
  return { kind: 'death', atMs, process, withHost: random() < 0.3 };
}

function drawCut(random: Random, lengthMs: number): Fault & { kind: 'cut' } {
  const both = drawLinks(random);
  const links = random() < 0.7 ? both : oneWay(random, both);
  return { kind: 'cut', atMs: faultAtMs, untilMs: faultAtMs + lengthMs, links };
}

/** One direction of each link: all the same way along the order of the list, or each as it happens. */
function oneWay(random: Random, links: readonly Link[]): Link[] {
  const isSame = random() < 0.6;
  const forward = random() < 0.5;
  const isFirst = (index: number) => index % 2 === (isSame ? Number(forward) : Number(random() < 0.5));
  const chosen = links.filter((_, i) => isFirst(i));
  return chosen.length > 0 ? chosen : links.slice(0, 1);
}

/** Both directions of some links, each pair next to each other. */
function drawLinks(random: Random): Link[] {
  const kind = random();
  const data: readonly string[] = [...redisNames, ...sentinelNames];
  if (kind < 0.4) return betweenGroups(random, random() < 0.5 ? data : processNames);
  if (kind < 0.55) return betweenSome(random, 1 + Math.floor(random() * 3));
  if (kind < 0.75) return betweenHosts(random);
  const share = 0.1 + 0.6 * random();
  const links = pairs(processNames).filter(() => random() < share);
  return both(links.length > 0 ? links : pairs(processNames).slice(0, 1));
}

const both = (links: readonly Link[]) =>
  links.flatMap(({ from, to }) => [
    { from, to },
    { from: to, to: from },
  ]);

function pairs(names: readonly string[]): Link[] {
  return names.flatMap((from, i) => names.slice(i + 1).map((to) => ({ from, to })));
}

/** All links between two groups; processes that are in neither reach both. */
function betweenGroups(random: Random, names: readonly string[]): Link[] {
  const side = new Map(names.map((name) => [name, random() < 0.5]));
  const links = pairs(names).filter(({ from, to }) => side.get(from) !== side.get(to));
  return both(links.length > 0 ? links : pairs(names).slice(0, 1));
}

function betweenSome(random: Random, count: number): Link[] {
  const all = pairs(processNames);
  return both(Array.from({ length: count }, () => pick(random, all)));
}

/** The link between two hosts of stack.yml, or one host alone; services run on a host, or elsewhere. */
function betweenHosts(random: Random): Link[] {
  const isHosted = random() < 0.5;
  const hostOf = (name: string) => (name.startsWith('service') && !isHosted ? 0 : Number(name.split('-')[1]));
  const a = 1 + Math.floor(random() * 3);
  const b = random() < 0.5 ? 1 + (a % 3) : undefined;
  const isCut = ({ from, to }: Link) => {
    const hosts = [hostOf(from), hostOf(to)];
    if (hosts[0] === hosts[1]) return false;
    return hosts.includes(a) && (b === undefined || hosts.includes(b));
  };
  return both(pairs(processNames).filter(isCut));
}

/** A fault in words. */
export function describeFault(fault: Fault): string {
  if (fault.kind === 'death')
    return `death of ${fault.process}${fault.withHost ? ' with its host (nothing is refused)' : ''}`;
  if (fault.kind === 'stall') return `stall of ${fault.process} until ${fault.untilMs} ms`;
  const what = fault.kind === 'cut' ? 'cut' : `slow by ${fault.delayMs} ms`;
  const isBoth = (from: string, to: string) => fault.links.some((link) => link.from === to && link.to === from);
  const both = fault.links
    .filter(({ from, to }) => isBoth(from, to) && from < to)
    .map(({ from, to }) => `${from} | ${to}`);
  const oneWay = fault.links.filter(({ from, to }) => !isBoth(from, to)).map(({ from, to }) => `${from} -> ${to}`);
  return `${what} until ${fault.untilMs} ms: ${[...both, ...oneWay].join(', ')}`;
}
