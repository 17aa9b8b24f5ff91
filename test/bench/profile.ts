/** Where the CPU time of a request goes: profiles of service processes under load, as self time by package and as flame graphs. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { startShop } from '../../ops/local/shop.ts';
import type { ProcessSpec } from '../../ops/local/spec.ts';
import { temporarySettings } from '../support/redis-nodes.ts';
import { type CpuProfile, callsBetween, parseProfile, selfTimes } from './cpu-profile.ts';
import { flameGraph } from './flame-graph.ts';
import { createSubjects, seedCatalogue } from './subjects.ts';

const seconds = 6;
const shownPackages = 18;

/** The loads, and the process that is looked at in each. */
const views = [
  { subject: 'product, each another', process: 'products-1', file: 'product-read' },
  { subject: 'catalogue page, each another', process: 'products-1', file: 'catalogue-page' },
  { subject: 'own purchase, read', process: 'purchases-1', file: 'own-purchase' },
  { subject: 'purchase', process: 'purchases-1', file: 'purchase-in-purchases' },
  { subject: 'purchase', process: 'products-1', file: 'purchase-in-products' },
];

const micros = () => Number(process.hrtime.bigint() / 1000n);

/** Profiles each load; prints self time by package, and writes a flame graph of each into `.shop/bench`. */
export async function benchProfile(): Promise<void> {
  const { settings, remove } = await temporarySettings();
  const dir = join(settings.projectDir, '.shop', 'bench');
  mkdirSync(dir, { recursive: true });
  const profiled = new Set(views.map((view) => view.process));
  const withProfiler = (spec: ProcessSpec): ProcessSpec => {
    const [node = '', ...rest] = spec.command;
    const flags = ['--cpu-prof', `--cpu-prof-dir=${join(settings.dir, 'profiles', spec.name)}`];
    if (!profiled.has(spec.name)) return spec;
    // Not compiled into one file: a function's package is read from the path of its file.
    const words = rest.map((word) => (word === 'api/main.ts' ? join(settings.projectDir, word) : word));
    return { ...spec, command: [node, ...flags, '--import', 'tsx', ...words] };
  };
  const shop = await startShop(settings, { rewire: (specs) => specs.map(withProfiler) });
  const windows = new Map<string, { from: number; to: number; answered: number }>();
  try {
    const { list } = createSubjects(shop, shop.httpUrl, await seedCatalogue(shop, 30_000));
    for (const name of new Set(views.map((view) => view.subject))) {
      const subject = list.find((each) => each.name === name);
      if (subject === undefined) throw new Error(`there is no subject '${name}'`);
      await subject.measure(2); // until the code is compiled
      const from = micros();
      const { answered } = await subject.measure(seconds);
      windows.set(name, { from, to: micros(), answered });
    }
    await shop.stop(); // a profile is written when its process ends
    const profiles = new Map<string, CpuProfile>();
    for (const name of profiled) {
      profiles.set(name, readProfile(join(settings.dir, 'profiles', name)));
    }
    for (const { subject, process: name, file } of views) {
      const [profile, window] = [profiles.get(name), windows.get(subject)];
      if (profile === undefined || window === undefined) continue;
      const root = callsBetween(profile, window.from, window.to);
      // Two processes share the requests.
      const perRequest = ((2 * root.totalMicros) / 1000 / window.answered).toFixed(2);
      console.log(`\n${subject}, in ${name}: ${perRequest} ms of CPU for each request; self time:`);
      for (const [owner, time] of selfTimes(root).slice(0, shownPackages)) {
        console.log(`  ${((100 * time) / root.totalMicros).toFixed(1).padStart(5)} %  ${owner}`);
      }
      writeFileSync(join(dir, `${file}.svg`), flameGraph(`${subject}, in ${name}`, root));
    }
    console.log(`\nFlame graphs: ${relative(process.cwd(), dir)}/*.svg`);
  } finally {
    await shop.killAll();
    await remove();
  }
}

/** The profile of a process's main thread; each thread writes one, named `CPU.<date>.<time>.<pid>.<thread>.<number>.cpuprofile`. */
function readProfile(dir: string): CpuProfile {
  const file = readdirSync(dir).find((name) => /^CPU\.\d+\.\d+\.\d+\.0\./.test(name));
  if (file === undefined) throw new Error(`there is no profile of a main thread in ${dir}`);
  return parseProfile(readFileSync(join(dir, file), 'utf8'));
}
