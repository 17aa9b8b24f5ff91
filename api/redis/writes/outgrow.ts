/**
 * A former master that took writes which were never acknowledged may have a larger offset, in its own history, than the new master. Until it
 * has synchronized, Sentinel would prefer it by its offset, so nothing can be acknowledged without it. The new master's offset is made larger.
 */
import type { Redis } from 'ioredis';
import { monotonicMs } from '../../core/clock.ts';
import type { MasterRole } from '../role.ts';
import { scripts } from '../scripts.ts';
import { runUnconfirmed } from '../send-script.ts';
import type { SentinelAnswer } from '../sentinels/sentinels.ts';

const marginBytes = 1024;
/** Of one step; a larger distance takes several. */
const maxBytes = 16 * 1024 * 1024;
const paddingIntervalMs = 1000;

/**
 * How many bytes the master should write to have a larger offset than every node of another history: 0 when there is none. A node that is not
 * connected to the master and has a larger offset is of another history.
 */
export function paddingBytes(role: MasterRole, master: string, answers: readonly SentinelAnswer[]): number {
  const connected = new Set(role.replicas.map(({ address }) => address));
  const offsets = answers
    .flatMap((answer) => ('master' in answer && answer.master === master ? answer.replicas : []))
    .filter(({ address, runId }) => !connected.has(address) && runId !== '')
    .map(({ offset }) => offset);
  const excess = Math.max(-1, ...offsets) - role.offset;
  return excess < 0 ? 0 : Math.min(excess + marginBytes, maxBytes);
}

/** Creates what pads a master, once a second at most; it is called again while padding is needed. @param unused a key that is used for nothing else */
export function createPadding(unused: string): (redis: Redis, bytes: number) => void {
  let paddedAtMs = Number.NEGATIVE_INFINITY;
  return (redis, bytes) => {
    if (bytes === 0 || monotonicMs() - paddedAtMs < paddingIntervalMs) return;
    paddedAtMs = monotonicMs();
    runUnconfirmed(redis, scripts.padding, { keys: { unused }, args: { bytes } }).catch(() => undefined);
  };
}
