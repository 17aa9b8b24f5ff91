/** Simulated time: a queue of events, one seed for every random number, and a timeline that is written only when asked for. */

/** See {@link createSimulator}. */
export type Simulator = {
  /** Milliseconds since the start. */
  nowMs: number;
  /** A number from [0, 1), the next of the seed's. */
  random(): number;
  /** Runs `action` at a time; a time in the past counts as now. Events of the same time run in the order in which they were added. */
  at(timeMs: number, action: () => void): void;
  after(delayMs: number, action: () => void): void;
  /** Runs all events up to `untilMs`, or until `stop` was called. */
  run(untilMs: number): void;
  stop(): void;
  /** Adds a line to the timeline; `undefined` when no timeline is wanted, so that no text is built for nothing. */
  readonly trace: ((text: string, ids?: readonly number[]) => void) | undefined;
  readonly timeline: readonly TimelineEntry[];
  /** How many events ran. */
  events: number;
};

/** @property ids the writes that it is about, if it is about some */
export type TimelineEntry = {
  readonly atMs: number;
  readonly text: string;
  readonly ids: readonly number[] | undefined;
};

type Event = { readonly timeMs: number; readonly order: number; readonly action: () => void };

/** @param seed any 32-bit integer; the same seed gives the same run */
export function createSimulator(seed: number, withTimeline = false): Simulator {
  const heap: Event[] = [];
  const timeline: TimelineEntry[] = [];
  const random = createRandom(seed);
  let order = 0;
  let stopped = false;

  const simulator: Simulator = {
    nowMs: 0,
    random,
    events: 0,
    timeline,
    trace: withTimeline ? (text, ids) => timeline.push({ atMs: simulator.nowMs, text, ids }) : undefined,
    at(timeMs, action) {
      push(heap, { timeMs: Math.max(timeMs, simulator.nowMs), order: order++, action });
    },
    after(delayMs, action) {
      push(heap, { timeMs: simulator.nowMs + delayMs, order: order++, action });
    },
    run(untilMs) {
      stopped = false;
      for (let next = heap[0]; next !== undefined && next.timeMs <= untilMs && !stopped; next = heap[0]) {
        pop(heap);
        simulator.nowMs = next.timeMs;
        simulator.events++;
        next.action();
      }
    },
    stop() {
      stopped = true;
    },
  };
  return simulator;
}

/**
 * Random numbers from [0, 1) by mulberry32: quick, and the same on every machine.
 * @see https://gist.github.com/tommyettinger/46a874533244883189143505d203312c
 */
export function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const isBefore = (a: Event, b: Event) => a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.order < b.order);

function push(heap: Event[], event: Event): void {
  let i = heap.length;
  heap.push(event);
  while (i > 0) {
    const parent = (i - 1) >> 1;
    const above = heap[parent] as Event;
    if (!isBefore(event, above)) break;
    heap[i] = above;
    i = parent;
  }
  heap[i] = event;
}

function pop(heap: Event[]): void {
  const last = heap.pop() as Event;
  const size = heap.length;
  if (size === 0) return;
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= size) break;
    if (child + 1 < size && isBefore(heap[child + 1] as Event, heap[child] as Event)) child++;
    const below = heap[child] as Event;
    if (!isBefore(below, last)) break;
    heap[i] = below;
    i = child;
  }
  heap[i] = last;
}
