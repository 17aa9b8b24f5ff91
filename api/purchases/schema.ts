/** What goes over the wire: requests, the Purchase of the contract, the events of its history. */
import { z } from 'zod';
import { idPattern } from '../core/ids.ts';
import { moneyOut } from '../core/money.ts';
import { pageQuery } from '../http/lists.ts';

/**
 * `pending` → `completed` or `failed`, as `products` decides; `pending` or `completed` → `cancelled`. A purchase only moves to a status that
 * is further back here, which lists of all statuses rely on.
 */
export const statuses = ['pending', 'completed', 'failed', 'cancelled'] as const;
/** One of {@link statuses}. */
export type Status = (typeof statuses)[number];

/** What the examples of the OpenAPI document show. */
const examplePurchase = {
  id: '0192f0c2-1d2e-7aa0-8c4f-9b1c2d3e4f50',
  userId: '0192f0c1-7b1e-7cc0-9d5e-3f1a0e6b2c4d',
  status: 'completed',
  items: [{ productId: 'boots', name: 'Hiking Boots', quantity: 2, unitPrice: { amount: 10_999, currency: 'USD' } }],
  total: { amount: 21_998, currency: 'USD' },
  createdAt: '2026-11-21T10:00:00.000Z',
  updatedAt: '2026-11-21T10:00:00.000Z',
} as const;

const id = z.string().regex(idPattern, 'must be 1 to 64 of A-Z a-z 0-9 _ -');

/** An amount of a product. */
const wanted = z.strictObject({ productId: id, quantity: z.int().min(1).max(1000) });
/** See {@link wanted}; summed for each product, the quantity may be above that of a single line. */
export type Wanted = z.infer<typeof wanted>;

/** The body of `POST /purchases`. */
export const purchaseIn = z
  .strictObject({ items: z.array(wanted).min(1).max(100) })
  .meta({ id: 'NewPurchase', examples: [{ items: [{ productId: 'boots', quantity: 2 }] }] });

/** The path parameter of a single purchase. */
export const purchaseParams = z.strictObject({ id });

/** The query of `GET /purchases`. */
export const purchasesQuery = z.strictObject({
  ...pageQuery,
  userId: id.optional(),
  status: z.enum(statuses).optional(),
});

/** Why a purchase failed: what `products` refused it for. */
export const failure = z.discriminatedUnion('code', [
  z.strictObject({
    code: z.literal('insufficient-stock'),
    detail: z.string(),
    items: z.array(z.strictObject({ productId: z.string(), requested: z.int(), available: z.int() })),
  }),
  z.strictObject({
    code: z.literal('unknown-product'),
    detail: z.string(),
    items: z.array(z.strictObject({ productId: z.string() })),
  }),
]);
/** See {@link failure}. */
export type Failure = z.infer<typeof failure>;
/** What a failure says in words. */
export const failureDetails: Readonly<Record<Failure['code'], string>> = {
  'insufficient-stock': 'There is not enough stock of the items listed. Nothing was reserved.',
  'unknown-product': 'The products listed in items do not exist. Nothing was reserved.',
};

/**
 * The Purchase of the contract. Name and price of an item and the total are those of the moment when the stock was taken; they are null
 * in a purchase for which none was (pending, failed, cancelled while pending): no price was fixed for it.
 */
export const purchaseOut = z
  .strictObject({
    id: z.string(),
    userId: z.string(),
    status: z.enum(statuses),
    items: z.array(
      z.strictObject({
        productId: z.string(),
        name: z.string().nullable(),
        quantity: z.int(),
        unitPrice: moneyOut.nullable(),
      }),
    ),
    total: moneyOut.nullable(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    failure: failure.optional(),
  })
  .meta({ id: 'Purchase', examples: [examplePurchase] });
/** See {@link purchaseOut}. */
export type PurchaseOut = z.infer<typeof purchaseOut>;

/** A page of purchases, newest first. */
export const purchasesOut = z
  .strictObject({ data: z.array(purchaseOut), nextCursor: z.string().nullable() })
  .meta({ id: 'PurchasePage', examples: [{ data: [examplePurchase], nextCursor: null }] });

const amounts = z.array(z.strictObject({ productId: z.string(), quantity: z.int() }));
const priced = z.strictObject({
  productId: z.string(),
  name: z.string(),
  quantity: z.int(),
  unitPrice: moneyOut,
});

/** What the events of a purchase say; together, in order, they hold all that the purchase shows. */
const eventData = {
  'purchase.created': z.strictObject({ purchaseId: z.string(), userId: z.string(), items: amounts }),
  'product.reserved': z.strictObject({ purchaseId: z.string(), items: z.array(priced) }),
  'purchase.completed': z.strictObject({ purchaseId: z.string(), total: moneyOut }),
  'purchase.failed': z.strictObject({ purchaseId: z.string(), failure }),
  'purchase.cancelled': z.strictObject({ purchaseId: z.string(), by: z.string() }),
  'product.released': z.strictObject({ purchaseId: z.string(), items: amounts }),
} as const;

function eventOf<T extends keyof typeof eventData, A extends z.ZodType>(type: T, at: A) {
  return z.strictObject({ id: z.string(), type: z.literal(type), at, data: eventData[type] });
}

function historyWith<A extends z.ZodType>(at: A) {
  return z.array(
    z.discriminatedUnion('type', [
      eventOf('purchase.created', at),
      eventOf('product.reserved', at),
      eventOf('purchase.completed', at),
      eventOf('purchase.failed', at),
      eventOf('purchase.cancelled', at),
      eventOf('product.released', at),
    ]),
  );
}

/** The events of a history, oldest first, `at` in ms since 1970. */
export const storedHistory = historyWith(z.int());
/** An event of a history, `at` in ms since 1970. Its `id` is the name of a service's stream and the entry's id in it. */
export type StoredEvent = z.infer<typeof storedHistory>[number];

/** The answer of `GET /purchases/{id}/events`. */
export const historyOut = z.strictObject({ data: historyWith(z.iso.datetime()) }).meta({
  id: 'PurchaseHistory',
  examples: [
    {
      data: [
        {
          id: 'purchases:1763719200000-0',
          type: 'purchase.completed',
          at: examplePurchase.createdAt,
          data: { purchaseId: examplePurchase.id, total: examplePurchase.total },
        },
      ],
    },
  ],
});
