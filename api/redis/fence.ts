/**
 * The fence of the fenced acknowledgement: may a write that only some replicas have be acknowledged? Only while the Sentinels are
 * not about to pass over them. Without it a master that stalls for a second, is replaced and comes back, acknowledges writes that
 * are then thrown away.
 */
import { type Address, addressText } from './node.ts';
import type { SentinelAnswer } from './sentinels.ts';

const moving = ['s_down', 'o_down', 'force_failover', 'failover_in_progress'];

/**
 * Whether the Sentinels' answers, all asked for after the replicas had confirmed, prove that `node` is still the master and
 * that nobody is replacing it: at least two answer, all of them name it, none sees it down or failing over, and each Sentinel
 * that is silent is held for down by every one that is not (a silent one might be leading a failover).
 */
export function fenceHolds(answers: readonly (SentinelAnswer | undefined)[], node: Address): boolean {
  const heard = answers.filter((answer) => answer !== undefined);
  const silent = answers.length - heard.length;
  return (
    heard.length >= 2 &&
    heard.every(
      (answer) =>
        addressText(answer.master) === addressText(node) &&
        !moving.some((flag) => answer.masterFlags.has(flag)) &&
        answer.sentinelsDown >= silent,
    )
  );
}
