/** What clients saw, in numbers. */
import type { History, Operation } from '../history/history.ts';
import { hasFailed, isWrite, outcomeOf } from '../history/outcome.ts';

/** See {@link measure}. */
export type ClientView = {
  readonly requests: number;
  readonly failedReads: number;
  readonly failedWrites: number;
  /** How first tries failed, with how often: `503 ×3`, `ECONNRESET ×1`. */
  readonly failures: readonly string[];
  /** Without knowing the outcome in the end. */
  readonly unknown: number;
  /** The longest time between two acknowledged writes, from the beginning of the fault to the end of the load. */
  readonly longestGapMs: number;
  /** The slowest answers to first tries. */
  readonly slowestReadMs: number;
  readonly slowestWriteMs: number;
};

/** Measures a history. @param fromMs when the fault began @param toMs when nothing new was begun any more */
export function measure(history: History, fromMs: number, toMs: number): ClientView {
  const requests = history.operations.filter(({ kind, about }) => kind !== 'replay' && !about.probe);
  const failed = requests.filter(
    (operation) => operation.attempts[0] !== undefined && hasFailed(operation.attempts[0]),
  );
  const failures = new Map<string, number>();
  for (const { attempts } of failed) {
    const how = String(attempts[0]?.status ?? attempts[0]?.error ?? 'no answer');
    failures.set(how, (failures.get(how) ?? 0) + 1);
  }
  const acknowledged = requests
    .filter(isWrite)
    .map(outcomeOf)
    .flatMap((outcome) => (outcome.kind === 'ok' ? [outcome.atMs] : []))
    .filter((atMs) => atMs >= fromMs && atMs <= toMs)
    .sort((a, b) => a - b);
  const moments = [fromMs, ...acknowledged, toMs];
  const slowest = (operations: readonly Operation[]) => Math.round(Math.max(0, ...operations.map(firstTryMs)));
  return {
    requests: requests.length,
    failedReads: failed.filter((operation) => !isWrite(operation)).length,
    failedWrites: failed.filter(isWrite).length,
    failures: [...failures].map(([how, count]) => `${how} ×${count}`),
    unknown: requests.filter((operation) => isWrite(operation) && outcomeOf(operation).kind === 'info').length,
    longestGapMs: Math.max(0, ...moments.slice(1).map((atMs, i) => atMs - (moments[i] ?? 0))),
    slowestReadMs: slowest(requests.filter((operation) => !isWrite(operation))),
    slowestWriteMs: slowest(requests.filter(isWrite)),
  };
}

function firstTryMs({ attempts }: Operation): number {
  const first = attempts[0];
  return (first?.endedMs ?? 0) - (first?.invokedMs ?? 0);
}
