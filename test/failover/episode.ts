/** One episode: people at work, a fault among them, healing, and the verdict on all that was said. */
import { setTimeout as delay } from 'node:timers/promises';
import { check } from './checker/check.ts';
import type { Violation } from './checker/violation.ts';
import type { Fault } from './faults/fault.ts';
import { readFinalState } from './final-state.ts';
import { type History, openLedger } from './ledger/ledger.ts';
import { castActors } from './load/actors.ts';
import { gatherCast } from './load/cast.ts';
import { replaySome, startLoad } from './load/load.ts';
import { seededRandom } from './load/random.ts';
import { measure, type Seen } from './report/seen.ts';
import type { Stage } from './stage.ts';

/** What came of an episode. `brokenPromises` is what clients saw that the fault's row does not allow; safety is in `violations`. */
export type Episode = {
  readonly title: string;
  readonly seed: number;
  readonly history: History;
  readonly violations: readonly Violation[];
  readonly brokenPromises: readonly string[];
  readonly seen: Seen;
};

/** Who takes part, and how long there is calm before the fault and after it is healed. */
export type Size = {
  readonly buyers: number;
  readonly readers: number;
  readonly products: number;
  readonly calmMs: number;
  readonly afterMs: number;
};

/** As in the table. */
const fullSize: Size = { buyers: 10, readers: 3, products: 12, calmMs: 1500, afterMs: 2500 };
/** For `npm test`. */
export const smallSize: Size = { buyers: 6, readers: 2, products: 8, calmMs: 1000, afterMs: 1500 };

/** How long clients repeat what failed, after the load has ended. */
const patienceMs = 30_000;

/**
 * Plays an episode on a running shop and leaves it healed.
 * @param faults at the same time; one is what is promised to be survived
 * @param ledgerPath where to keep the history
 */
export async function playEpisode(
  stage: Stage,
  faults: readonly Fault[],
  seed: number,
  ledgerPath?: string,
  size: Size = fullSize,
): Promise<Episode> {
  const title = faults.map(({ name }) => name).join(' + ') || 'calm';
  const random = seededRandom(seed);
  const ledger = openLedger(seed, title, ledgerPath);
  const { shop, settings } = stage;
  const label = `c${Date.now().toString(36)}`;
  const adminOf = { email: settings.adminEmail, password: settings.secrets.ADMIN_PASSWORD ?? '' };
  const people = await gatherCast(shop.httpUrl, adminOf, label, random.fork('cast'), size);
  ledger.setCast({
    users: people.buyers.map(({ actor, userId }) => ({ actor, userId })),
    products: [...people.products],
  });
  const load = startLoad(shop.httpUrl, castActors(people, label, size.readers), ledger, random);
  await delay(size.calmMs);
  const beganMs = ledger.nowMs();
  const broken: string[] = [];
  await Promise.all(
    faults.map(async (fault) => {
      ledger.fault(fault.name, 'begins');
      const log = (step: string) => ledger.fault(fault.name, step);
      try {
        await fault.run({ stage, random: random.fork(fault.name), log, people, ledger, label });
      } catch (error) {
        broken.push(`${fault.name}: ${error instanceof Error ? error.message : error}`);
      }
      ledger.fault(fault.name, 'healed');
    }),
  );
  await shop.waitUntilHealthy(undefined, 60_000).catch((error: Error) => broken.push(`not healed: ${error.message}`));
  await delay(size.afterMs);
  const endedMs = ledger.nowMs();
  await load.finish(patienceMs);
  await replaySome(shop.httpUrl, people, ledger, random.fork('replay'));
  const final = await readFinalState(shop.httpUrl, stage.nodes, people.admin, ledger.history());
  ledger.setFinal(final);
  ledger.flush();
  const history = ledger.history();
  const seen = measure(history, beganMs, endedMs);
  for (const fault of faults) if (faults.length === 1) broken.push(...breaches(fault, seen));
  return { title, seed, history, violations: check(history), brokenPromises: broken, seen };
}

/** What clients saw and the fault's row does not allow. */
function breaches({ promise }: Fault, seen: Seen): string[] {
  const found: string[] = [];
  const { failedReads, failedWrites, longestGapMs } = seen;
  if (promise.failedFirstTries === 'none' && failedReads + failedWrites > 0) {
    found.push(`${failedReads + failedWrites} first tries failed (${seen.failures.join(', ')})`);
  }
  if (typeof promise.failedFirstTries === 'number' && failedReads + failedWrites > promise.failedFirstTries) {
    found.push(`${failedReads + failedWrites} first tries failed, ${promise.failedFirstTries} are allowed`);
  }
  if (promise.failedFirstTries === 'only 503' && seen.failures.some((failure) => !failure.startsWith('503 '))) {
    found.push(`first tries failed otherwise than by 503 (${seen.failures.join(', ')})`);
  }
  if (promise.longestGapMs !== undefined && longestGapMs > promise.longestGapMs) {
    found.push(`${Math.round(longestGapMs)} ms between acknowledged writes, ${promise.longestGapMs} are allowed`);
  }
  return found;
}
