/** Whether all replicas confirm what is written, or those which do must be named. */
import { monotonicMs } from '../../core/clock.ts';
import { deliveryMs } from '../sentinels/durability.ts';
import type { Claim } from '../sentinels/proof.ts';
import type { GroupReply } from './group.ts';

/** How often a group waits for all replicas while one of them is connected to the master and does not confirm. */
const waitForAllIntervalMs = 1000;

/** See {@link trackConfirmations}. */
type Confirmations = {
  /** How the next group is sent: for how many replicas its WAIT asks, and whether ROLE names those that confirm. */
  next(replicas: number): { readonly named: boolean; readonly wanted: number };
  /** `all` replicas have it, `none` has; `name-them`: repeat the group to learn which have it; or what is left to prove. */
  judge(reply: GroupReply, master: string, replicas: readonly string[]): 'all' | 'none' | 'name-them' | Claim;
};

/** Keeps track over the groups of one master connection. Normally no replica is named, and no command is sent for it. */
export function trackConfirmations(): Confirmations {
  let named = false;
  let waitForAllAtMs = Number.NEGATIVE_INFINITY;
  let waitsForAll = true;
  return {
    next(replicas) {
      waitsForAll = !named || monotonicMs() >= waitForAllAtMs;
      return { named, wanted: waitsForAll ? Math.max(1, replicas) : 1 };
    },
    judge(reply, master, replicas) {
      if (!named) {
        if (replicas.length > 0 && reply.confirmations >= replicas.length) return 'all';
        named = true;
        waitForAllAtMs = Number.NEGATIVE_INFINITY;
        return reply.confirmations > 0 ? 'name-them' : 'none';
      }
      const { before, after } = reply;
      const listed = new Set(after?.replicas.map((replica) => replica.address));
      // Waiting for a replica that is not even connected to the master only costs time.
      if (waitsForAll || !replicas.every((replica) => listed.has(replica))) {
        waitForAllAtMs = monotonicMs() + waitForAllIntervalMs;
      }
      if (before === undefined || after === undefined) return 'none';
      const { offset } = before;
      const confirmed = new Set(after.replicas.filter((r) => r.offset >= offset).map((r) => r.address));
      named = !replicas.every((replica) => confirmed.has(replica));
      if (!named && replicas.length > 0) return 'all';
      if (confirmed.size === 0) return 'none';
      // A WAIT for all that did not succeed has given a healthy replica all the time that it needs.
      const hasWaited = waitsForAll && reply.confirmations < replicas.length;
      const settledAtMs = monotonicMs() + (hasWaited ? 0 : deliveryMs);
      return { master, offset, confirmed, settledAtMs };
    },
  };
}
