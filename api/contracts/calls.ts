/** What one service asks of another, over Nginx's internal listener. Each call may be repeated. */
import { z } from 'zod';
import { type ServiceName, serviceNames, settingName } from '../services.ts';

/** A call: its service, request and reply. */
export type Call<I, O> = {
  readonly service: ServiceName;
  /** The services that may make it. */
  readonly callers: readonly ServiceName[];
  readonly method: 'GET' | 'POST';
  /** Below `/internal/<service>`; `:id` is filled from the call. */
  readonly path: string;
  readonly input: z.ZodType<I>;
  readonly output: z.ZodType<O>;
};

function call<I, O>(spec: Call<I, O>): Call<I, O> {
  return spec;
}

/** Whether a sign-in is still good; asked by replicas that cannot see the bus. */
export const checkSession = call({
  service: 'users',
  callers: serviceNames.filter((name) => name !== 'users'),
  method: 'POST',
  path: '/sessions/check',
  input: z.strictObject({ userId: z.string(), sessionId: z.string() }),
  output: z.discriminatedUnion('state', [
    z.object({ state: z.literal('active'), role: z.enum(['customer', 'admin']) }),
    z.object({ state: z.literal('ended') }),
  ]),
});

/** An item as `products` reserved it. A product recreated under the same id has another `generation`. */
const reservedItem = z.object({
  productId: z.string(),
  generation: z.string(),
  name: z.string(),
  quantity: z.int(),
  unitPriceMinor: z.int(),
});
/** See {@link reservedItem}. */
export type ReservedItem = z.infer<typeof reservedItem>;

/**
 * An item between the services. The release of 2026-11-20 (5eb7839) calls the generation `incarnation`: while an update replaces one service
 * after the other, both names are sent ({@link sentItem}) and read.
 */
export const receivedItem = z.preprocess(withGeneration, reservedItem);

function withGeneration(item: unknown): unknown {
  return typeof item === 'object' && item !== null && 'incarnation' in item
    ? { generation: item.incarnation, ...item }
    : item;
}

/** An item as it is sent; see {@link receivedItem}. */
export function sentItem(item: ReservedItem): ReservedItem & { readonly incarnation: string } {
  return { ...item, incarnation: item.generation };
}

/** An item of a release. Without the product's name: a call may have 100 kB, and 100 names in JSON can take more. */
const itemToRelease = reservedItem.pick({ productId: true, generation: true, quantity: true });
/** See {@link itemToRelease}. */
export type ItemToRelease = z.infer<typeof itemToRelease>;

/** An item of a release as it is received: see {@link receivedItem}. Replicas of 0.2.0 send a name and a price, too, which are not used. */
export const receivedItemToRelease = z.preprocess(withGeneration, itemToRelease);

/** An item of a release as it is sent. Replicas of 0.2.0 refuse one without a name and a price, but use neither. */
export function sentItemToRelease({ productId, generation, quantity }: ItemToRelease) {
  return sentItem({ productId, generation, name: '', quantity, unitPriceMinor: 0 });
}

const reservationInput = z.strictObject({
  purchaseId: z.string(),
  items: z.array(z.strictObject({ productId: z.string(), quantity: z.int() })).min(1),
});

/**
 * Takes all items of a purchase from stock, or none. The first answer under a purchase's id is the only one: repeated, it comes again.
 * `released`: a release came first, so nothing will ever be reserved under this id.
 */
export const reserveStock = call({
  service: 'products',
  callers: ['purchases'],
  method: 'POST',
  path: '/reservations',
  input: reservationInput,
  output: z.discriminatedUnion('result', [
    z.object({ result: z.literal('reserved'), eventId: z.string(), at: z.int(), items: z.array(receivedItem) }),
    z.object({
      result: z.literal('sold-out'),
      items: z.array(z.object({ productId: z.string(), requested: z.int(), available: z.int() })),
    }),
    z.object({ result: z.literal('unknown-product'), productIds: z.array(z.string()) }),
    z.object({ result: z.literal('released') }),
  ]),
});

/**
 * {@link reserveStock} for several purchases, each with the id of its own request. The answers are in the order of the reservations, the same as
 * for single calls. If the call fails, the caller may ask for each alone.
 */
export const reserveStockOfGroup = call({
  service: 'products',
  callers: ['purchases'],
  method: 'POST',
  path: '/reservations/groups',
  input: z.strictObject({ reservations: z.array(reservationInput.extend({ requestId: z.string() })).min(1) }),
  output: z.object({ answers: z.array(reserveStock.output) }),
});

/**
 * Gives back what a purchase reserved, exactly once however often it is asked, and stops a reservation that comes late. `items` is what
 * the purchase knows that it reserved (empty if it got no reply): used only when the reservation's own record has expired.
 */
export const releaseStock = call({
  service: 'products',
  callers: ['purchases'],
  method: 'POST',
  path: '/releases',
  input: z.strictObject({ purchaseId: z.string(), items: z.array(receivedItemToRelease) }),
  output: z.object({ result: z.literal('released'), eventId: z.string(), at: z.int() }),
});

const calls: readonly Pick<Call<never, never>, 'service' | 'callers'>[] = [
  checkSession,
  reserveStock,
  reserveStockOfGroup,
  releaseStock,
];

/** The setting with the secret that only `caller` and `called` know: it proves to `called` that a call comes from `caller`. */
export function internalSecretName(caller: string, called: string): string {
  return `INTERNAL_SECRET_${settingName(caller)}_TO_${settingName(called)}`;
}

/** The services that make any call to a service. */
export function callersOf(called: string): ServiceName[] {
  const callers = calls.filter(({ service }) => service === called).flatMap((each) => each.callers);
  return [...new Set(callers)];
}

/** The settings of a service with the secrets of internal calls: of those that it makes, and of those that it answers. */
export function internalSecretsOf(service: string): string[] {
  const pairs = serviceNames.flatMap((called) => callersOf(called).map((caller) => ({ caller, called })));
  return pairs
    .filter(({ caller, called }) => caller === service || called === service)
    .map(({ caller, called }) => internalSecretName(caller, called));
}
