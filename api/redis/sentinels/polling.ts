/** How often the Sentinels are asked. */
import { monotonicMs } from '../../core/clock.ts';

const pollIntervalMs = 250;
const hurriedPollIntervalMs = 50;
const hurryForMs = 500;

/** Asks at once, then four times a second, and twenty times a second for half a second after `hurry`; never while a question is under way. */
export function poll(ask: () => Promise<unknown>): { hurry(): void; stop(): void } {
  let isAsking = false;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let hurriedUntilMs = Number.NEGATIVE_INFINITY;

  async function askIfDue() {
    const now = monotonicMs();
    if (isAsking || (now > hurriedUntilMs && now - askedAtMs < pollIntervalMs)) return;
    isAsking = true;
    askedAtMs = now;
    await ask().catch(() => undefined);
    isAsking = false;
  }
  const timer = setInterval(() => void askIfDue(), hurriedPollIntervalMs);
  void askIfDue();

  return {
    hurry() {
      hurriedUntilMs = monotonicMs() + hurryForMs;
    },
    stop: () => clearInterval(timer),
  };
}
