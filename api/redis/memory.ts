/** How full the master is. Above four fifths, writes that add data are refused, so that other requests have room. */
import type { Redis } from 'ioredis';
import { infoField } from './info.ts';

const pollIntervalMs = 1000;
const fullShare = 0.8;

/** Watches the master's memory. `mayGrow` stays as it was while there is no master to ask. @see https://redis.io/docs/latest/commands/info/ */
export function watchMemory(master: () => Redis | undefined): { mayGrow(): boolean; close(): void } {
  let full = false;
  const timer = setInterval(() => {
    master()
      ?.info('memory')
      .then((text) => {
        const used = Number(infoField(text, 'used_memory'));
        const max = Number(infoField(text, 'maxmemory'));
        full = max > 0 && used > fullShare * max;
      })
      .catch(() => undefined);
  }, pollIntervalMs);
  timer.unref();
  return { mayGrow: () => !full, close: () => clearInterval(timer) };
}
