/** Asks the Sentinels until their answers prove a claim, as api/redis/sentinels/proof.ts does. */
import type { Evidence } from '../../api/redis/sentinels/durability.ts';
import type { SentinelPeriods } from '../../api/redis/sentinels/election.ts';
import type { Claim } from '../../api/redis/sentinels/proof.ts';
import { later } from './requests.ts';
import type { Rule } from './rules.ts';
import { askSentinels, type Service, serviceMs } from './services.ts';

/** Twice production's pause: it saves events. */
const proveAgainMs = 60;

/** Asks the Sentinels until the rule holds, the master changed, or the time is over. */
export function proveClaim(
  parts: { readonly service: Service; readonly rule: Rule; readonly periods: SentinelPeriods },
  claim: Claim,
  untilMs: number,
  onProved: (isDurable: boolean) => void,
  onDoubt: (sentinels: Evidence['sentinels']) => void = () => undefined,
): void {
  const { service, rule, periods } = parts;
  askSentinels(service, (sentinels) => {
    const isDurable = rule.holds({ ...claim, nodes: service.nodeNames, sentinels }, periods);
    const isOver = service.view.master !== claim.master || serviceMs(service) >= untilMs;
    if (isDurable) return onProved(true);
    onDoubt(sentinels);
    if (isOver) return onProved(false);
    later(service, proveAgainMs, () => proveClaim(parts, claim, untilMs, onProved, onDoubt));
  });
}
