/** Asks the Sentinels until their answers prove a write durable, or show that it must be repeated. */
import { monotonicMs, pause } from '../../core/clock.ts';
import { type Doubt, type Evidence, judgeDurability } from './durability.ts';
import type { SentinelPeriods } from './election.ts';
import type { SentinelAnswer, Sentinels } from './sentinels.ts';

/** What the caller knows of a write or a read; the Sentinels say the rest. */
export type Claim = Omit<Evidence, 'sentinels' | 'nodes'>;

/** As redis/sentinel.sh sets them. */
export const sentinelPeriods: SentinelPeriods = { pingMs: 500, infoMs: 250 };

const pollIntervalMs = 30;
/** The Sentinels will not change their mind about these: the write has to be made again, perhaps on another master. */
const finalDoubts: ReadonlySet<Doubt> = new Set<Doubt>(['unconfirmed', 'replaced', 'failover']);

/**
 * Whether the claim is proved within `timeoutMs`.
 * @param isHopeless doubts that end the search at once
 * @param onDoubt called after each round that did not prove it
 */
export async function proveDurable(
  sentinels: Pick<Sentinels, 'ask' | 'nodes' | 'view'>,
  claim: Claim,
  timeoutMs: number,
  isHopeless: (doubt: Doubt) => boolean = (doubt) => finalDoubts.has(doubt),
  onDoubt: (doubt: Doubt, answers: readonly SentinelAnswer[]) => void = () => undefined,
): Promise<boolean> {
  const untilMs = monotonicMs() + timeoutMs;
  for (;;) {
    const answers = await sentinels.ask();
    const verdict = judgeDurability({ ...claim, sentinels: answers, nodes: sentinels.nodes() }, sentinelPeriods);
    if (verdict.durable) return true;
    onDoubt(verdict.reason, answers);
    if (isHopeless(verdict.reason) || sentinels.view()?.master !== claim.master) return false;
    if (monotonicMs() >= untilMs) return false;
    await pause(pollIntervalMs);
  }
}
