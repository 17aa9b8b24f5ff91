/** Background work that is repeated. */

/**
 * Runs work again and again, each time `intervalMs` after the end of the run before, give or take a quarter, so that replicas do not work in step.
 * @param work must not throw
 * @returns stops it
 */
export function repeat(intervalMs: number, work: () => Promise<unknown>): () => void {
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  const next = () => {
    if (isStopped) return;
    timer = setTimeout(() => void work().finally(next), intervalMs * (0.75 + 0.5 * Math.random()));
  };
  next();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
