/**
 * A purchase as it is stored. The hash holds each fact once and in a short form, because most purchases are kept for ever: lists are JSON
 * arrays without names, and the history holds only what the other fields do not. What follows from them is computed.
 */
import { z } from 'zod';
import type { ReservedItem } from '../contracts/calls.ts';
import { jsonText } from '../core/json-text.ts';
import type { Money } from '../core/money.ts';
import { pairsOf } from '../core/pairs.ts';
import { isOldRecord, purchaseOfOld } from './record-old.ts';
import { type Failure, failureDetails, type Status, type StoredEvent, statuses, type Wanted } from './schema.ts';

/** A purchase in its present state. */
export type Purchase = {
  readonly id: string;
  readonly userId: string;
  readonly status: Status;
  /** What was asked for, summed for each product. */
  readonly requested: readonly Wanted[];
  /** What was taken from stock, with its prices; empty while, or if, nothing was. */
  readonly items: readonly ReservedItem[];
  readonly totalMinor: number | undefined;
  readonly currency: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** Stays when the purchase is cancelled afterwards: its first answer is that of then. */
  readonly completedAtMs: number | undefined;
  readonly failure: Failure | undefined;
  /** Counts the states that it has had: 1 while pending. */
  readonly version: number;
  /** Whether it is cancelled and `products` has not yet confirmed that the stock is back. */
  readonly releasePending: boolean;
};

/** What it takes to carry a purchase forward; never changes. */
export type Begun = Pick<Purchase, 'id' | 'userId' | 'requested' | 'currency'>;

/** The types of events by the letter that stands for each in a stored history. The first four are steps of the purchase itself. */
const eventTypes = {
  c: 'purchase.created',
  d: 'purchase.completed',
  f: 'purchase.failed',
  x: 'purchase.cancelled',
  r: 'product.reserved',
  b: 'product.released',
} as const;
type Letter = keyof typeof eventTypes;
type Entry = { readonly letter: Letter; readonly atMs: number; readonly eventId: string };

const entry = z
  .string()
  .regex(/^[cdfxrb]\d+:\d+-\d+$/)
  .transform((text): Entry => {
    const [at = '', eventId = ''] = text.slice(1).split(':');
    return { letter: text.charAt(0) as Letter, atMs: Number(at), eventId };
  });

const stored = z.object({
  userId: z.string(),
  status: z.enum(statuses),
  version: z.string().regex(/^\d+$/).transform(Number),
  currency: z.string(),
  /** [productId, quantity] of each; until the purchase completes, as the items say the same. */
  requested: jsonText(z.array(z.tuple([z.string(), z.int()]))).optional(),
  /** [productId, generation, name, quantity, unitPriceMinor] of each. */
  items: jsonText(z.array(z.tuple([z.string(), z.string(), z.string(), z.int(), z.int()]))).default([]),
  /** Why it failed: the code, then for each item refused its place in `requested`, or that and how much there was. */
  failure: jsonText(
    z.union([
      z.tuple([z.literal('unknown-product'), z.array(z.int())]),
      z.tuple([z.literal('insufficient-stock'), z.array(z.tuple([z.int(), z.int()]))]),
    ]),
  ).optional(),
  /** Entries separated by commas, oldest first: a letter of {@link eventTypes}, the time in ms since 1970, ':', the id in the stream. */
  history: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(entry)),
  cancelledBy: z.string().optional(),
  releasePending: z.literal('1').optional(),
});

function isPresent(hash: unknown): hash is object {
  return typeof hash === 'object' && hash !== null && Object.keys(hash).length > 0;
}

/**
 * Reads a hash, also of the release before (record-old.ts).
 * @returns `undefined` for an empty one, as Redis gives it for a key that is not there @throws when it is not a purchase
 */
export function purchaseOf(id: string, hash: unknown): Purchase | undefined {
  if (!isPresent(hash)) return undefined;
  if (isOldRecord(hash)) return purchaseOfOld(hash);
  const fields = stored.parse(hash);
  const { userId, status, version, currency, history } = fields;
  const items = fields.items.map(([productId, generation, name, quantity, unitPriceMinor]) => {
    return { productId, generation, name, quantity, unitPriceMinor };
  });
  const requested =
    fields.requested?.map(([productId, quantity]) => ({ productId, quantity })) ??
    items.map(({ productId, quantity }) => ({ productId, quantity }));
  const isPriced = items.length > 0;
  return {
    id,
    userId,
    status,
    requested,
    items,
    totalMinor: isPriced ? totalOf(items) : undefined,
    currency,
    createdAtMs: history[0]?.atMs ?? 0,
    updatedAtMs: history.findLast(({ letter }) => 'cdfx'.includes(letter))?.atMs ?? 0,
    completedAtMs: history.find(({ letter }) => letter === 'd')?.atMs,
    failure: fields.failure && failureFrom(fields.failure, requested),
    version,
    releasePending: fields.releasePending === '1',
  };
}

/** Reads a hash that a script returned as a list of names and values. */
export function purchaseOfList(id: string, flat: readonly string[]): Purchase | undefined {
  return purchaseOf(id, Object.fromEntries(pairsOf(flat)));
}

/** The history in a hash of the present format, oldest first, with all its data; `undefined` like {@link purchaseOf}. */
export function historyOf(purchaseId: string, hash: unknown): readonly StoredEvent[] | undefined {
  const purchase = purchaseOf(purchaseId, hash);
  if (purchase === undefined) return undefined;
  const { userId, requested, items, totalMinor = 0, currency, failure } = purchase;
  const money = (amount: number): Money => ({ amount, currency });
  const amounts = items.map(({ productId, quantity }) => ({ productId, quantity }));
  const priced = items.map(({ productId, name, quantity, unitPriceMinor }) => {
    return { productId, name, quantity, unitPrice: money(unitPriceMinor) };
  });
  const { history, cancelledBy } = stored.parse(hash);
  return history.map(toEvent);

  function toEvent({ letter, atMs: at, eventId }: Entry): StoredEvent {
    const id = `${letter === 'r' || letter === 'b' ? 'products' : 'purchases'}:${eventId}`;
    const about = { purchaseId };
    switch (letter) {
      case 'c':
        return { id, at, type: eventTypes.c, data: { ...about, userId, items: [...requested] } };
      case 'd':
        return { id, at, type: eventTypes.d, data: { ...about, total: money(totalMinor) } };
      case 'f':
        if (failure === undefined) throw new Error(`${purchaseId} failed without a reason`);
        return { id, at, type: eventTypes.f, data: { ...about, failure } };
      case 'x':
        return { id, at, type: eventTypes.x, data: { ...about, by: cancelledBy ?? userId } };
      case 'r':
        return { id, at, type: eventTypes.r, data: { ...about, items: priced } };
      case 'b':
        return { id, at, type: eventTypes.b, data: { ...about, items: amounts } };
    }
  }
}

/** The field `requested`. */
export function storedRequest(requested: readonly Wanted[]): string {
  return JSON.stringify(requested.map(({ productId, quantity }) => [productId, quantity]));
}

/** The field `items`. */
export function storedItems(items: readonly ReservedItem[]): string {
  return JSON.stringify(
    items.map((item) => [item.productId, item.generation, item.name, item.quantity, item.unitPriceMinor]),
  );
}

/** The field `failure`. @throws when an item was not requested */
export function storedFailure(failure: Failure, requested: readonly Wanted[]): string {
  const placeOf = (id: string) => {
    const place = requested.findIndex(({ productId }) => productId === id);
    if (place < 0) throw new Error(`${id} was not requested`);
    return place;
  };
  return failure.code === 'unknown-product'
    ? JSON.stringify([failure.code, failure.items.map(({ productId }) => placeOf(productId))])
    : JSON.stringify([failure.code, failure.items.map((item) => [placeOf(item.productId), item.available])]);
}

/** An entry of the field `history` for an event of `products`. */
export function storedEntry(type: 'product.reserved' | 'product.released', at: number, eventId: string): string {
  return `${type === 'product.reserved' ? 'r' : 'b'}${at}:${eventId}`;
}

/** The price of all items together. */
export function totalOf(items: readonly ReservedItem[]): number {
  return items.reduce((sum, item) => sum + item.quantity * item.unitPriceMinor, 0);
}

function failureFrom(
  [code, refused]: NonNullable<z.infer<typeof stored>['failure']>,
  requested: readonly Wanted[],
): Failure {
  const at = (place: number) => requested[place] ?? { productId: '', quantity: 0 };
  const detail = failureDetails[code];
  return code === 'unknown-product'
    ? { code, detail, items: refused.map((place) => ({ productId: at(place).productId })) }
    : {
        code,
        detail,
        items: refused.map(([place, available]) => {
          const { productId, quantity } = at(place);
          return { productId, requested: quantity, available };
        }),
      };
}
