/** The final state by itself: the same on all three Redis, and what the histories of the services fold to. */
import type { FinalState, History } from '../history/history.ts';
import { outcomeOf } from '../history/outcome.ts';
import { versionIn } from './reads.ts';
import { type Violation, violation } from './violation.ts';

/** Checks what else was acknowledged, and that the state agrees with itself. */
export function checkState(history: History, final: FinalState): Violation[] {
  return [...checkMade(history, final), ...checkHistories(final), ...checkEqual(final)];
}

function checkMade(history: History, final: FinalState): Violation[] {
  const products = new Map(final.products.map((product) => [product.id, product]));
  const users = new Set(final.userIds);
  const mayBeDeleted = deletions(history);
  return history.operations.flatMap((operation) => {
    const outcome = outcomeOf(operation);
    const { productId = '', version = 0 } = operation.about;
    const { id = '' } = (outcome.kind === 'ok' ? outcome.body : {}) as { id?: string };
    switch (operation.kind) {
      case 'sign-up':
        if (outcome.kind === 'fail')
          return [violation('wrong', 'a fresh address can sign up', `request ${operation.op}: ${outcome.status}`)];
        return outcome.kind === 'info' || users.has(id) || mayBeDeleted.has(id)
          ? []
          : [violation('lost', 'acknowledged users are stored', id)];
      case 'create-product':
        if (outcome.kind === 'fail')
          return [violation('wrong', 'a fresh id can be used', `request ${operation.op}: ${outcome.status}`)];
        return outcome.kind === 'info' || products.has(productId) || mayBeDeleted.has(productId)
          ? []
          : [violation('lost', 'acknowledged products are stored', productId)];
      case 'delete-product':
        if (outcome.kind === 'fail')
          return [violation('wrong', 'a product can be deleted', `request ${operation.op}: ${outcome.status}`)];
        return outcome.kind === 'info' || !products.has(productId)
          ? []
          : [violation('lost', 'acknowledged deletions are stored', `product ${productId}`)];
      case 'read-deleted-product':
        return outcome.kind === 'info' || outcome.status === 404
          ? []
          : [
              violation(
                'lost',
                'own writes are read back',
                `product ${productId} was deleted, request ${operation.op}`,
              ),
            ];
      case 'end-session': {
        const { deletes, subjectId = '' } = operation.about;
        if (!deletes || outcome.kind !== 'ok' || !users.has(subjectId)) return [];
        return [violation('lost', 'acknowledged deletions are stored', `user ${subjectId}`)];
      }
      case 'change-product': {
        const name = products.get(productId)?.name ?? '';
        if (outcome.kind !== 'ok' || versionIn(name) >= version) return [];
        return [
          violation(
            'lost',
            'acknowledged changes are stored',
            `${productId} is called ${name}, v${version} was acknowledged`,
          ),
        ];
      }
      default:
        return [];
    }
  });
}

/** Ids of users and products whose deletion was asked for and not surely refused. */
function deletions({ operations }: History): Set<string> {
  const asked = operations.filter(({ kind, about }) => kind === 'delete-product' || about.deletes);
  const possible = asked.filter((each) => outcomeOf(each).kind !== 'fail' || each.attempts.length > 1);
  return new Set(possible.map(({ about }) => about.productId ?? about.subjectId ?? ''));
}

const endings: Record<string, string> = {
  'purchase.completed': 'completed',
  'purchase.failed': 'failed',
  'purchase.cancelled': 'cancelled',
};

function checkHistories(final: FinalState): Violation[] {
  const found: Violation[] = [];
  const statuses = new Map(final.purchases.map(({ id, status }) => [id, status]));
  for (const [id, types] of Object.entries(final.histories)) {
    const folded = types.reduce((status, type) => endings[type] ?? status, 'pending');
    const status = statuses.get(id);
    if (folded !== status) {
      found.push(
        violation(
          'wrong',
          'histories fold to the state',
          `purchase ${id} is ${status}, its history ${types.join(', ')}`,
        ),
      );
    }
    for (const type of ['purchase.created', ...Object.keys(endings), 'product.reserved', 'product.released']) {
      if (types.filter((each) => each === type).length > 1) {
        found.push(violation('doubled', 'every step once', `purchase ${id}: ${types.join(', ')}`));
      }
    }
    if (status === 'cancelled' && !types.includes('product.released')) {
      found.push(violation('wrong', 'nothing half-done', `purchase ${id} is cancelled, its stock not given back`));
    }
  }
  for (const { id, stock } of final.products) {
    const folded = final.foldedStock[id];
    if (folded !== undefined && folded !== stock) {
      found.push(
        violation('wrong', 'histories fold to the state', `stock of ${id} is ${stock}, its events make ${folded}`),
      );
    }
  }
  return found;
}

function checkEqual({ digests, differing }: FinalState): Violation[] {
  if (new Set(Object.values(digests)).size <= 1) return [];
  return [violation('wrong', 'all Redis nodes hold the same', differing.join(', '))];
}
