/** Single-flight: concurrent callers share one run of an asynchronous function. */

/**
 * Wraps `ask` so that callers who arrive while no run has begun yet share the next one. A run that had begun before the call is too old for
 * the caller: its answer may say what was true before.
 */
export function singleFlight<T>(ask: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  let next: Promise<T> | undefined;
  function start(): Promise<T> {
    next = undefined;
    const mine = ask().finally(() => {
      if (running === mine) running = undefined;
    });
    running = mine;
    return mine;
  }
  return () => {
    if (running === undefined) return start();
    next ??= running.then(start, start);
    return next;
  };
}
