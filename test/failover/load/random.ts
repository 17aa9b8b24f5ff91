/** Randomness that can be had again: everything that the load and the faults choose comes from one seed. */

/** See {@link seededRandom}. */
export type Random = {
  /** In [0, 1). */
  next(): number;
  /** A whole number from `from` to `to`, both included. */
  int(from: number, to: number): number;
  pick<T>(list: readonly T[]): T;
  /** A pause in ms between events that come independently of each other, `meanMs` apart on average. */
  pauseMs(meanMs: number): number;
  /** A new source whose choices do not depend on how often this one was asked meanwhile. */
  fork(label: string): Random;
};

/** A source of random numbers (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    int: (from, to) => from + Math.floor(next() * (to - from + 1)),
    pick(list) {
      const picked = list[Math.floor(next() * list.length)];
      if (picked === undefined) throw new Error('nothing to pick from');
      return picked;
    },
    pauseMs: (meanMs) => -meanMs * Math.log(1 - next()),
    fork(label) {
      let hash = seed;
      for (const letter of label) hash = Math.imul(hash ^ letter.charCodeAt(0), 16777619);
      return seededRandom(hash);
    },
  };
}
