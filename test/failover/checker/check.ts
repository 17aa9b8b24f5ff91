/** The judge: everything that a history violates. A pure function of it, so that a kept history can be judged again. */
import type { History } from '../history/history.ts';
import { checkPurchases } from './purchases.ts';
import { checkReads } from './reads.ts';
import { checkSessions } from './sessions.ts';
import { checkState } from './state.ts';
import { checkStock } from './stock.ts';
import { type Violation, violation } from './violation.ts';

/** All violations of safety; none is what is promised. */
export function check(history: History): Violation[] {
  const { final } = history;
  if (final === undefined) return [violation('wrong', 'a final state', 'was never read')];
  return [
    ...checkPurchases(history, final),
    ...checkStock(history, final),
    ...checkReads(history),
    ...checkState(history, final),
    ...checkSessions(history),
    ...checkDocumented(history),
  ];
}

/** Answers that the OpenAPI document does not have, whatever was broken meanwhile. */
function checkDocumented({ operations }: History): Violation[] {
  const rule = 'every answer is in the OpenAPI document';
  return operations.flatMap(({ method, path, attempts }) =>
    attempts.flatMap(({ status, undocumented }) =>
      undocumented === undefined ? [] : [violation('wrong', rule, `${method} ${path} → ${status}: ${undocumented}`)],
    ),
  );
}
