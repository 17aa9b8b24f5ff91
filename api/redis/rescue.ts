/**
 * A failover where the Sentinels see no need for one. They ask only whether the master answers them: one that has lost its replicas, or
 * us, is fine to them, and writes would wait as long as that lasts.
 */
import { monotonicMs } from '../core/clock.ts';
import { fenceHolds } from './fence.ts';
import { addressText } from './node.ts';
import type { Nodes } from './nodes.ts';
import type { Sentinels } from './sentinels.ts';

/** See {@link openRescue}. */
export type Rescue = {
  /** A write could not be confirmed by anybody. */
  stuck(): void;
  /** One could, or none is waiting. */
  fine(): void;
};

const stuckForMs = 2500; // longer than Sentinel takes to replace a master that is really gone
/** One that does not help, because it is we who are cut off, is not repeated before this: a failover costs everybody a second. */
const askAgainMs = 15_000;
const lookAgainMs = 250;
const refusedMs = 1000;

/**
 * Asks a Sentinel for a failover once writes have been stuck for 2.5 s, if all that answer see nothing wrong with the master and some
 * replica that we reach has its data. Promotion is Sentinel's, and safe by the fence like any other.
 * @param tell hears of it, for the log
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/ (SENTINEL FAILOVER)
 */
export function openRescue(
  sentinels: Sentinels,
  nodes: Pick<Nodes, 'replicaInfos'>,
  tell: (event: string) => void,
): Rescue {
  let stuckSinceMs: number | undefined;
  let nextLookMs = 0;

  async function rescue(): Promise<void> {
    const master = sentinels.view()?.master;
    if (master === undefined || !fenceHolds(await sentinels.ask(), master)) return;
    const replicas = await nodes.replicaInfos();
    const canTakeOver = replicas.some((role) => role?.follows === addressText(master) && role.state !== 'sync');
    if (!canTakeOver || stuckSinceMs === undefined) return;
    nextLookMs = monotonicMs() + askAgainMs;
    tell(
      `no write could be confirmed for ${stuckForMs} ms, and the Sentinels see nothing wrong: asking for a failover`,
    );
    // Whoever refuses knows better for the moment: a failover is under way, or nobody can be promoted yet.
    await sentinels.failover().catch(() => {
      nextLookMs = monotonicMs() + refusedMs;
    });
  }

  return {
    stuck() {
      const now = monotonicMs();
      stuckSinceMs ??= now;
      if (now - stuckSinceMs < stuckForMs || now < nextLookMs) return;
      nextLookMs = now + lookAgainMs;
      rescue().catch(() => undefined); // looked at again
    },
    fine() {
      stuckSinceMs = undefined;
    },
  };
}
