/** What travels on the bus: each service's event stream, which the other services may read and only its own service writes. */
import { z } from 'zod';
import { moneyOut } from '../core/money.ts';
import type { ServiceName } from '../services.ts';

/** The stream of a service's events. */
export function eventStream(service: ServiceName): string {
  return `{${service}}:events`;
}

const role = z.enum(['customer', 'admin']);
const productState = z.object({
  productId: z.string(),
  generation: z.string().meta({ description: 'A product recreated under the same id has another one.' }),
  stock: z.int(),
  priceMinor: z.int().meta({ description: 'In minor units of the shop’s currency.' }),
});
const ofPurchase = z.object({ purchaseId: z.string() });

/** The events of `users`. Without names and addresses: events outlive the deletion of a user. */
export const userEvents = {
  'user.created': z.object({ userId: z.string(), role }),
  'user.role-changed': z.object({ userId: z.string(), role }),
  'user.password-changed': z.object({ userId: z.string() }),
  'user.deleted': z.object({ userId: z.string() }),
  'session.ended': z.object({ userId: z.string(), sessionIds: z.array(z.string()) }),
} as const;

/** The events of `products`. */
const productEvents = {
  'product.created': productState,
  'product.updated': productState,
  'product.deleted': productState.omit({ priceMinor: true }),
  'product.restocked': productState.omit({ priceMinor: true }).extend({ delta: z.int() }),
  'product.reserved': ofPurchase,
  'product.released': ofPurchase,
} as const;

/** The events of `purchases`. What was bought and why a purchase failed is in its history. */
const purchaseEvents = {
  'purchase.created': z.object({ purchaseId: z.string(), userId: z.string() }),
  'purchase.completed': z.object({ purchaseId: z.string(), total: moneyOut }),
  'purchase.failed': z.object({ purchaseId: z.string(), code: z.enum(['insufficient-stock', 'unknown-product']) }),
  'purchase.cancelled': z.object({
    purchaseId: z.string(),
    by: z.string().meta({ description: 'The id of the user who cancelled it.' }),
  }),
} as const;
/** The data of one type of event of `purchases`. */
export type PurchaseEventData<T extends keyof typeof purchaseEvents> = z.infer<(typeof purchaseEvents)[T]>;

/** What the types of a service's events mean, and the schema of their data. */
export const events = {
  users: userEvents,
  products: productEvents,
  purchases: purchaseEvents,
} as const satisfies Record<ServiceName, Record<string, z.ZodType>>;

/** How long an access token lives, in seconds. */
export const accessTokenSeconds = 300;
