/** Stock: initial stock + restocks − sold + cancelled = stock left, and no read ever shows a negative stock. */
import type { FinalState, History } from '../history/history.ts';
import { outcomeOf } from '../history/outcome.ts';
import { type Violation, violation } from './violation.ts';

/** Checks the books of every product of the run, and every read of its stock. */
export function checkStock(history: History, final: FinalState): Violation[] {
  return [...checkBooks(history, final), ...checkNeverNegative(history)];
}

function checkBooks(history: History, final: FinalState): Violation[] {
  const least = new Map(history.fixtures.products.map(({ id, stock }) => [id, stock]));
  const most = new Map(least);
  const add = (book: Map<string, number>, id: string, amount: number) => {
    const before = book.get(id);
    if (before !== undefined) book.set(id, before + amount);
  };
  for (const operation of history.operations) {
    if (operation.kind !== 'restock') continue;
    const { kind } = outcomeOf(operation);
    const { delta } = operation.body as { delta: number };
    if (kind === 'ok') add(least, operation.about.productId ?? '', delta);
    if (kind !== 'fail') add(most, operation.about.productId ?? '', delta);
  }
  for (const { status, items } of final.purchases) {
    if (status !== 'completed') continue;
    for (const { productId, quantity } of items) {
      add(least, productId, -quantity);
      add(most, productId, -quantity);
    }
  }
  return final.products.flatMap(({ id, stock }) => {
    const [low, high] = [least.get(id), most.get(id)];
    if (low === undefined || high === undefined || (stock >= low && stock <= high)) return [];
    const expected = low === high ? `${low}` : `between ${low} and ${high}`;
    return [
      violation(
        'wrong',
        'initial + restocks − bought + cancelled = stock',
        `${id}: ${stock} left, should be ${expected}`,
      ),
    ];
  });
}

function checkNeverNegative(history: History): Violation[] {
  const found: Violation[] = [];
  for (const operation of history.operations) {
    if (operation.kind !== 'read-product' && operation.kind !== 'list-products') continue;
    for (const { status, body } of operation.attempts) {
      if (status !== 200) continue;
      const seen = operation.kind === 'read-product' ? [body] : (body as { data: unknown[] }).data;
      for (const { id, stock } of seen as { id: string; stock: number }[]) {
        if (stock < 0)
          found.push(violation('wrong', 'stock is never negative', `${id}: ${stock}, request ${operation.op}`));
      }
    }
  }
  return found;
}
