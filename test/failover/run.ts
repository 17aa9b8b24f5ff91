/** One run: load, a fault while it lasts, healing, and the verdict of the checker. */
import { setTimeout as delay } from 'node:timers/promises';
import { check } from './checker/check.ts';
import type { Violation } from './checker/violation.ts';
import type { Cluster } from './cluster.ts';
import { countElections, type Elections } from './election-log.ts';
import { splitElectionGapMs } from './faults/cuts.ts';
import type { Fault } from './faults/fault.ts';
import { readFinalState } from './final-state.ts';
import type { History } from './history/history.ts';
import { createRecorder } from './history/recorder.ts';
import { createClients, type LoadSize, usualLoad } from './load/clients.ts';
import { createFixtures, signIn } from './load/fixtures.ts';
import { replaySome, startLoad } from './load/load.ts';
import { seededRandom } from './load/random.ts';
import { type ClientView, measure } from './report/measure.ts';
import { noteHealing, requestDelayMs, waitForRest } from './rest.ts';

/** The result of a run. `brokenPromises`: what clients saw and the fault's row does not allow; `violations`: what broke safety. */
export type Run = {
  readonly title: string;
  readonly seed: number;
  readonly history: History;
  readonly violations: readonly Violation[];
  readonly brokenPromises: readonly string[];
  /** By how much longer than its row says clients may have waited, because the last fault had been healed only just before: see rest.ts. */
  readonly requestDelayMs: number;
  readonly clientView: ClientView;
  readonly elections: Elections;
};

/** How much load there is, and how long it lasts before the fault and after it is healed. */
export type Size = LoadSize & { readonly calmMs: number; readonly afterMs: number };

/** As in the table. */
const fullSize: Size = { ...usualLoad, buyers: 10, readers: 3, products: 12, calmMs: 1500, afterMs: 2500 };
/** For `npm test`. */
export const smallSize: Size = { ...usualLoad, buyers: 6, readers: 2, products: 8, calmMs: 1000, afterMs: 1500 };

/** How long clients repeat what failed, after the load has ended. */
const timeoutMs = 30_000;

/**
 * Runs the load and the faults on a running shop, heals it, and judges what was answered.
 * @param faults at the same time; one is what is promised to be survived
 * @param historyPath where to keep the history
 */
export async function runFaults(
  cluster: Cluster,
  faults: readonly Fault[],
  seed: number,
  historyPath?: string,
  defaultSize: Size = fullSize,
): Promise<Run> {
  const size: Size = Object.assign({}, defaultSize, ...faults.map(({ load }) => load));
  const title = faults.map(({ name }) => name).join(' + ') || 'calm';
  const random = seededRandom(seed);
  const recorder = createRecorder(seed, title, historyPath);
  const { shop, settings } = cluster;
  const label = `c${Date.now().toString(36)}`;
  const adminOf = { email: settings.adminEmail, password: settings.secrets.ADMIN_PASSWORD ?? '' };
  const fixtures = await createFixtures(shop.httpUrl, adminOf, label, random.fork('fixtures'), size);
  recorder.setFixtures({
    users: fixtures.buyers.map(({ actor, userId }) => ({ actor, userId })),
    products: [...fixtures.products],
  });
  const load = startLoad(shop.httpUrl, createClients(fixtures, label, size, recorder.nowMs), recorder, random);
  await delay(size.calmMs);
  // Without cuts, Sentinel itself replaces the master, and nothing that was before delays it.
  const delayedMs = faults.some(({ needs }) => needs === 'proxies') ? Math.round(requestDelayMs(cluster)) : 0;
  const beganMs = recorder.nowMs();
  const elections = countElections(cluster);
  const splitElections = () => elections().split;
  const broken: string[] = [];
  await Promise.all(
    faults.map(async (fault) => {
      recorder.fault(fault.name, 'begins');
      const log = (step: string) => recorder.fault(fault.name, step);
      try {
        const ownRandom = random.fork(fault.name);
        const context = { cluster, random: ownRandom, log, fixtures, recorder, label, splitElections };
        await fault.run({ ...context, requestDelayMs: delayedMs });
      } catch (error) {
        broken.push(`${fault.name}: ${error instanceof Error ? error.message : error}`);
      }
      recorder.fault(fault.name, 'healed');
    }),
  );
  noteHealing(cluster);
  await shop.waitUntilHealthy(undefined, 60_000).catch((error: Error) => broken.push(`not healed: ${error.message}`));
  await delay(size.afterMs);
  const endedMs = recorder.nowMs();
  await load.finish(timeoutMs);
  await replaySome(shop.httpUrl, fixtures, recorder, random.fork('replay'));
  // A new token: after a long standstill the first one has expired.
  const admin = await signIn(shop.httpUrl, 'admin', adminOf.email, adminOf.password);
  const final = await readFinalState(shop.httpUrl, cluster.nodes, admin, recorder.history());
  recorder.setFinal(final);
  recorder.flush();
  const history = recorder.history();
  const counted = elections();
  const clientView = measure(history, beganMs, endedMs);
  for (const fault of faults) if (faults.length === 1) broken.push(...breaches(fault, clientView, counted, delayedMs));
  return {
    title,
    seed,
    history,
    violations: check(history),
    brokenPromises: broken,
    requestDelayMs: delayedMs,
    clientView,
    elections: counted,
  };
}

/** Waits until {@link runFaults} would begin its faults long enough after the last ones. */
export function rest(cluster: Cluster): Promise<void> {
  return waitForRest(cluster, fullSize.calmMs);
}

/** What clients saw and the fault's row does not allow. @param delayedMs see rest.ts */
function breaches({ promise }: Fault, clientView: ClientView, elections: Elections, delayedMs: number): string[] {
  const found: string[] = [];
  const { failedReads, failedWrites, longestGapMs } = clientView;
  if (promise.failedFirstTries === 'none' && failedReads + failedWrites > 0) {
    found.push(`${failedReads + failedWrites} first tries failed (${clientView.failures.join(', ')})`);
  }
  if (typeof promise.failedFirstTries === 'number' && failedReads + failedWrites > promise.failedFirstTries) {
    found.push(`${failedReads + failedWrites} first tries failed, ${promise.failedFirstTries} are allowed`);
  }
  if (promise.failedFirstTries === 'only 503' && clientView.failures.some((failure) => !failure.startsWith('503 '))) {
    found.push(`first tries failed otherwise than by 503 (${clientView.failures.join(', ')})`);
  }
  if (promise.longestGapMs !== undefined) {
    const leastMs = elections.split > 0 ? splitElectionGapMs : 0;
    const allowedMs = Math.max(promise.longestGapMs, leastMs) + delayedMs;
    if (longestGapMs > allowedMs) {
      found.push(`${Math.round(longestGapMs)} ms between acknowledged writes, ${allowedMs} are allowed`);
    }
  }
  if (promise.slowestWriteMs !== undefined && clientView.slowestWriteMs > promise.slowestWriteMs) {
    found.push(`the slowest write took ${clientView.slowestWriteMs} ms, ${promise.slowestWriteMs} are allowed`);
  }
  return found;
}
