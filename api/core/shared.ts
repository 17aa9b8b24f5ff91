/** One question for many who wait for its answer. */

/** Shares `ask` among all who wait for its answer. A question already sent is too old for who comes now: they share the next one. */
export function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let asking: Promise<T> | undefined;
  let next: Promise<T> | undefined;
  function start(): Promise<T> {
    next = undefined;
    const mine = ask().finally(() => {
      if (asking === mine) asking = undefined;
    });
    asking = mine;
    return mine;
  }
  return () => {
    if (asking === undefined) return start();
    next ??= asking.then(start, start);
    return next;
  };
}
