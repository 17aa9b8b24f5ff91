/** Single-flight: concurrent callers share one run of an asynchronous function. */
import { endOfTurn } from './clock.ts';

/**
 * Wraps `ask` so that callers who arrive while no run has begun yet share the next one. A run that had begun before the call is too old for
 * the caller: its answer may say what was true before. A run begins at the end of a turn of the event loop, so that all callers of that turn share it.
 */
export function singleFlight<T>(ask: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;
  async function run(): Promise<T> {
    await running.catch(() => undefined);
    await endOfTurn();
    next = undefined;
    const mine = ask();
    running = mine;
    return mine;
  }
  return () => {
    next ??= run();
    return next;
  };
}
