/** Purchases: each acknowledged one is stored as it was answered, each refused one is not, and no key has two. */
import type { FinalState, History, Operation, StoredPurchase } from '../history/history.ts';
import { type Outcome, outcomeOf } from '../history/outcome.ts';
import { type Violation, violation } from './violation.ts';

type Bought = { readonly operation: Operation; readonly outcome: Outcome };

/** Checks every purchase and cancellation of the history against the final state. */
export function checkPurchases(history: History, final: FinalState): Violation[] {
  const stored = new Map(final.purchases.map((purchase) => [purchase.id, purchase]));
  const bought = history.operations
    .filter(({ kind }) => kind === 'purchase')
    .map((operation) => ({ operation, outcome: outcomeOf(operation) }));
  return [
    ...checkAcknowledged(bought, stored, mayBeCancelled(history)),
    ...checkUnexplained(history, bought, final),
    ...checkCancellations(history, stored),
    ...checkReplays(history),
  ];
}

/** Ids of purchases whose cancellation was asked for and not surely refused. */
function mayBeCancelled(history: History): Set<string> {
  const cancels = history.operations.filter((each) => each.kind === 'cancel' && outcomeOf(each).kind !== 'fail');
  return new Set(cancels.map(({ about }) => about.purchaseId ?? ''));
}

function checkAcknowledged(
  bought: readonly Bought[],
  stored: ReadonlyMap<string, StoredPurchase>,
  cancelled: ReadonlySet<string>,
): Violation[] {
  const found: Violation[] = [];
  const keyOf = new Map<string, string>();
  const idOf = new Map<string, string>();
  for (const { operation, outcome } of bought) {
    if (outcome.kind !== 'ok') continue;
    const answer = outcome.body as StoredPurchase;
    const name = `purchase ${answer.id} (request ${operation.op})`;
    const key = `${operation.userId} ${operation.key}`;
    if ((keyOf.get(answer.id) ?? key) !== key)
      found.push(violation('wrong', 'one purchase for each key', `${name} also answered another key`));
    const other = idOf.get(key) ?? answer.id;
    if (other !== answer.id)
      found.push(violation('doubled', 'one purchase for each key', `${name} has the same key as ${other}`));
    keyOf.set(answer.id, key);
    idOf.set(key, answer.id);
    const kept = stored.get(answer.id);
    if (kept === undefined) {
      found.push(violation('lost', 'acknowledged purchases are stored', `${name} is not stored`));
      continue;
    }
    if (contentOf(kept) !== contentOf(answer)) {
      found.push(violation('wrong', 'stored as answered', `${name}: ${contentOf(answer)} became ${contentOf(kept)}`));
    }
    if (signature(requestedItems(operation)) !== signature(kept.items)) {
      found.push(violation('wrong', 'stored as asked for', `${name}: ${signature(kept.items)}`));
    }
    if (kept.status !== 'completed' && !(kept.status === 'cancelled' && cancelled.has(kept.id))) {
      found.push(violation('lost', 'acknowledged purchases are stored', `${name} is ${kept.status}`));
    }
  }
  return found;
}

/** What is stored and was not acknowledged must come from a request whose outcome is unknown; each explains one. */
function checkUnexplained(history: History, bought: readonly Bought[], final: FinalState): Violation[] {
  const found: Violation[] = [];
  const actors = new Set(history.fixtures.users.map(({ userId }) => userId));
  const acknowledged = new Set(
    bought.flatMap(({ outcome }) => (outcome.kind === 'ok' ? [(outcome.body as StoredPurchase).id] : [])),
  );
  const unknown = new Map<string, number>();
  const known = new Set<string>();
  for (const { operation, outcome } of bought) {
    const explains = `${operation.userId} ${signature(requestedItems(operation))}`;
    if (outcome.kind === 'info') unknown.set(explains, (unknown.get(explains) ?? 0) + 1);
    else if (outcome.kind === 'ok') known.add(explains);
  }
  for (const purchase of final.purchases) {
    if (!actors.has(purchase.userId) || acknowledged.has(purchase.id)) continue;
    if (purchase.status === 'pending') {
      found.push(violation('wrong', 'nothing half-done', `purchase ${purchase.id} is still pending`));
    }
    if (purchase.status === 'failed') continue;
    const explained = `${purchase.userId} ${signature(purchase.items)}`;
    const left = unknown.get(explained) ?? 0;
    if (left > 0) unknown.set(explained, left - 1);
    else {
      const kind = known.has(explained) ? 'doubled' : 'wrong';
      found.push(
        violation(kind, 'everything stored was acknowledged or unknown', `purchase ${purchase.id} (${explained})`),
      );
    }
  }
  return found;
}

function checkCancellations(history: History, stored: ReadonlyMap<string, StoredPurchase>): Violation[] {
  return history.operations.flatMap((operation) => {
    if (operation.kind !== 'cancel') return [];
    const { purchaseId = '' } = operation.about;
    const outcome = outcomeOf(operation);
    if (outcome.kind === 'fail') {
      return [
        violation(
          'wrong',
          'own purchases can be cancelled',
          `${purchaseId}: ${outcome.status}, request ${operation.op}`,
        ),
      ];
    }
    if (outcome.kind !== 'ok' || stored.get(purchaseId)?.status === 'cancelled') return [];
    const status = stored.get(purchaseId)?.status ?? 'not there';
    return [violation('lost', 'acknowledged cancellations are stored', `purchase ${purchaseId} is ${status}`)];
  });
}

/** A request repeated under its key is answered as before. */
function checkReplays(history: History): Violation[] {
  return history.operations.flatMap((operation) => {
    const first = history.operations[operation.about.replayOf ?? -1];
    if (operation.kind !== 'replay' || first === undefined) return [];
    const [before, now] = [outcomeOf(first), outcomeOf(operation)];
    if (before.kind === 'info' || now.kind === 'info') return [];
    const found: Violation[] = [];
    if (answerOf(before) !== answerOf(now)) {
      const what = `request ${first.op}: ${answerOf(before)}, repeated: ${answerOf(now)}`;
      found.push(
        violation(
          before.kind === 'ok' && now.kind === 'ok' ? 'doubled' : 'wrong',
          'the same answer for the same key',
          what,
        ),
      );
    }
    if (!operation.attempts.some(({ replayed }) => replayed)) {
      found.push(
        violation('wrong', 'the same answer for the same key', `request ${first.op}, repeated, is not called a replay`),
      );
    }
    return found;
  });
}

function answerOf(outcome: Exclude<Outcome, { kind: 'info' }>): string {
  const { requestId, ...rest } = outcome.body as Record<string, unknown>;
  return JSON.stringify([outcome.status, rest]);
}

function requestedItems(operation: Operation): StoredPurchase['items'] {
  return (operation.body as { items: StoredPurchase['items'] }).items;
}

/** Products and quantities, each product once, in one order. */
function signature(items: StoredPurchase['items']): string {
  const sums = new Map<string, number>();
  for (const { productId, quantity } of items) sums.set(productId, (sums.get(productId) ?? 0) + quantity);
  return [...sums]
    .map(([id, quantity]) => `${quantity}×${id}`)
    .sort()
    .join(' ');
}

function contentOf({ userId, items, total, createdAt }: StoredPurchase): string {
  const prices = items.map(({ productId, unitPrice }) => `${productId}@${unitPrice?.amount}`).sort();
  return JSON.stringify([userId, signature(items), prices, total?.amount, createdAt]);
}
