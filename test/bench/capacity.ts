/**
 * What a request costs, by the kind of process: CPU time for each request with the machine fully loaded, and resident memory. With more cores
 * the costs stay about the same, so they say how many requests a second a number of cores carries, and which process reaches a whole core first.
 */

import { readdirSync, readFileSync } from 'node:fs';
import type { Shop } from '../../ops/local/shop.ts';
import { openShop } from './load.ts';
import { createSubjects, seedCatalogue } from './subjects.ts';

const seconds = 6;
const subjects = [
  'product, ten in turn',
  'product, each another',
  'catalogue page, each another',
  'own purchase, read',
  'purchase',
];
const kinds = ['nginx', 'users', 'products', 'purchases', 'Redis master', 'Redis replicas', 'sentinel'];
/** Of `/proc/PID/stat` on Linux. */
const ticksPerSecond = 100;

/** Prints the table. */
export async function benchCapacity(): Promise<void> {
  const { shop, close } = await openShop();
  try {
    const idle = await usageOf(shop);
    const { list } = createSubjects(shop, shop.httpUrl, await seedCatalogue(shop, 30_000));
    console.log(`CPU time for each request in ms, by kind of process:\n| | a second | ${kinds.join(' | ')} | all |`);
    console.log(`|---|${'---|'.repeat(kinds.length + 2)}`);
    for (const { name, measure } of list.filter(({ name }) => subjects.includes(name))) {
      await measure(2); // until the code is compiled
      const before = await usageOf(shop);
      const { answered, perSecond } = await measure(seconds);
      const after = await usageOf(shop);
      const costs = kinds.map((kind) => (1000 * (cpuOf(after, kind) - cpuOf(before, kind))) / answered);
      const all = costs.reduce((sum, cost) => sum + cost, 0);
      console.log(`| ${[name, perSecond.toFixed(0), ...[...costs, all].map((cost) => cost.toFixed(3))].join(' | ')} |`);
    }
    const loaded = await usageOf(shop);
    console.log('\nresident memory of a process in MB, after the start and after these loads:');
    for (const kind of kinds) console.log(`  ${kind}: ${memoryOf(idle, kind)} and ${memoryOf(loaded, kind)}`);
  } finally {
    await close();
  }
}

/** What a process and its children have used: CPU time in seconds, and the resident memory of the largest in MB. */
type Usage = { readonly kind: string; readonly cpuSeconds: number; readonly megabytes: number };

async function usageOf(shop: Shop): Promise<Usage[]> {
  const processes = readProcesses();
  const status = await shop.status();
  return status.flatMap(({ pid, kind, role }) => {
    if (pid === null) return [];
    const family = processes.filter((each) => each.pid === pid || each.parent === pid);
    return {
      kind: role === undefined ? kind : role === 'master' ? 'Redis master' : 'Redis replicas',
      cpuSeconds: family.reduce((sum, { ticks }) => sum + ticks, 0) / ticksPerSecond,
      megabytes: Math.max(...family.map(({ bytes }) => bytes)) / 1e6,
    };
  });
}

const pageBytes = 4096;

/** All processes of this machine. @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function readProcesses() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
        // The fields behind the name, which may contain spaces: the third of `man` is the first here.
        const fields = text
          .slice(text.lastIndexOf(')') + 2)
          .split(' ')
          .map(Number);
        const [, parent = 0] = fields;
        return [
          {
            pid: Number(pid),
            parent,
            ticks: (fields[11] ?? 0) + (fields[12] ?? 0),
            bytes: (fields[21] ?? 0) * pageBytes,
          },
        ];
      } catch {
        return []; // it has ended
      }
    });
}

function cpuOf(usage: readonly Usage[], kind: string): number {
  return usage.filter((each) => each.kind === kind).reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
}

function memoryOf(usage: readonly Usage[], kind: string): string {
  const sizes = usage.filter((each) => each.kind === kind).map(({ megabytes }) => megabytes);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  return least === most ? most.toFixed(0) : `${least.toFixed(0)}–${most.toFixed(0)}`;
}
