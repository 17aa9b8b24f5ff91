/** Which master the Sentinels name, out of answers that may differ: by configuration epoch. */
import type { SentinelReport, SilentSentinel } from './sentinel-report.ts';

/** What the services act on. Addresses are `host:port`. */
export type View = {
  readonly master: string;
  readonly epoch: number;
  readonly replicas: readonly { readonly address: string; readonly flags: ReadonlySet<string> }[];
};

/** A view, and what is needed to choose the next one. Times are monotonic, in ms. */
export type ViewState = {
  readonly view: View | undefined;
  /** When this process saw master or epoch change; -Infinity before the first change. */
  readonly changedAtMs: number;
  /** A lower epoch that two Sentinels agree on, and since when. */
  readonly lower: { readonly master: string; readonly epoch: number; readonly sinceMs: number } | undefined;
};

/** Sentinels that lost their memory begin again at epoch 0. They are believed after this time. */
const lowerEpochMs = 5000;

/**
 * The next view: the highest epoch that a Sentinel names. A lower one than before counts only when two Sentinels have agreed on it for 5 s
 * and none that answers names a higher one.
 */
export function nextView(
  state: ViewState,
  answers: readonly (SentinelReport | SilentSentinel)[],
  nowMs: number,
): ViewState {
  const reports = answers.filter((answer) => 'master' in answer);
  const { view } = state;
  const epoch = Math.max(...reports.map((report) => report.epoch));
  const newest = reports.filter((report) => report.epoch === epoch);
  // Of two that differ under one epoch, the one that is used already.
  const chosen = newest.find((report) => report.master === view?.master) ?? newest[0];
  if (chosen === undefined) return state;
  if (view === undefined || epoch >= view.epoch) return accept(chosen);
  const agreeing = newest.filter((report) => report.master === chosen.master);
  if (agreeing.length < 2) return { ...state, lower: undefined };
  const isSame = state.lower?.epoch === epoch && state.lower.master === chosen.master;
  const sinceMs = isSame ? (state.lower?.sinceMs ?? nowMs) : nowMs;
  if (nowMs - sinceMs >= lowerEpochMs) return accept(chosen);
  return { ...state, lower: { master: chosen.master, epoch, sinceMs } };

  function accept({ master, epoch: accepted, replicas }: SentinelReport): ViewState {
    const isChanged = view !== undefined && (view.master !== master || view.epoch !== accepted);
    return {
      view: { master, epoch: accepted, replicas },
      changedAtMs: isChanged ? nowMs : state.changedAtMs,
      lower: undefined,
    };
  }
}
