/** The data of a Redis node, as the order in which writes were applied. */

export type Log = {
  /** One number for each write, in order; a write that was repeated is there twice. */
  readonly ids: number[];
  /** Where each write is for the first time. */
  readonly position: Map<number, number>;
};

export function createLog(): Log {
  return { ids: [], position: new Map() };
}

export function append(log: Log, id: number): void {
  if (!log.position.has(id)) log.position.set(id, log.ids.length);
  log.ids.push(id);
}

/** The first `count` writes, as a full resynchronization copies them. */
export function copyLog(log: Log, count: number): Log {
  const copy = createLog();
  for (let i = 0; i < count; i++) append(copy, log.ids[i] as number);
  return copy;
}

/** Whether the first `count` entries contain a write. */
export function contains(log: Log, id: number, count: number): boolean {
  return (log.position.get(id) ?? Number.POSITIVE_INFINITY) < count;
}
