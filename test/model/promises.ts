/** What clients were promised: writes that were acknowledged, and writes that a read with a token has shown. */
import { contains, type Log } from './redis-log.ts';

export type Promised = {
  readonly id: number;
  readonly atMs: number;
  readonly how: 'acknowledged' | 'shown';
  readonly by: string;
};

/** See {@link createPromises}. */
export type Promises = {
  readonly list: readonly Promised[];
  acknowledge(id: number, atMs: number, by: string): void;
  /** A read with a token has shown the first `count` writes of a log. @returns those that were not promised before */
  show(log: Log, count: number, atMs: number, by: string): number[];
  /**
   * The first promise older than `beforeMs` that the first `count` writes of a log do not contain.
   * @param withShown whether what was only shown counts, too
   */
  missing(log: Log, count: number, beforeMs: number, withShown: boolean): Promised | undefined;
};

export function createPromises(): Promises {
  const list: Promised[] = [];
  const promised = new Set<number>();
  const shownUpTo = new WeakMap<Log, number>();
  const checkedUpTo = new WeakMap<Log, number>();

  function add(id: number, atMs: number, how: Promised['how'], by: string): boolean {
    if (promised.has(id)) return false;
    promised.add(id);
    list.push({ id, atMs, how, by });
    return true;
  }

  return {
    list,
    acknowledge(id, atMs, by) {
      add(id, atMs, 'acknowledged', by);
    },
    show(log, count, atMs, by) {
      const from = shownUpTo.get(log) ?? 0;
      shownUpTo.set(log, Math.max(count, from));
      return log.ids.slice(from, count).filter((id) => add(id, atMs, 'shown', by));
    },
    missing(log, count, beforeMs, withShown) {
      // A log only grows: what it contained once, it contains.
      let isComplete = true;
      for (let i = checkedUpTo.get(log) ?? 0; i < list.length; i++) {
        const promise = list[i] as Promised;
        if (promise.atMs >= beforeMs) break;
        const isMissing = !contains(log, promise.id, count);
        if (isMissing && (withShown || promise.how === 'acknowledged')) return promise;
        isComplete &&= !isMissing;
        if (isComplete) checkedUpTo.set(log, i + 1);
      }
      return undefined;
    },
  };
}
