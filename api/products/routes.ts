/** The routes of `products` for clients, but for the list (routes-list.ts) and the batch (routes-batch.ts). */
import { rfc3339 } from '../core/clock.ts';
import { isRefusal, type Refusal, type Written } from '../core/outcome.ts';
import { type Answer, type Route, route } from '../http/route.ts';
import type { Product } from './record.ts';
import { type ProductOut, productOut, productParams, type productSchemas } from './schema.ts';
import { type ProductRules, tagOf } from './service.ts';

/** The route table. @param schemas of the bodies, in the shop's currency */
export function productRoutes(rules: ProductRules, schemas: ReturnType<typeof productSchemas>): Route[] {
  return [
    route({
      method: 'post',
      path: '/',
      access: 'admin',
      operationId: 'createProduct',
      summary: 'Create a product, under an id of your own or a generated one.',
      body: schemas.create,
      response: { status: 201, body: productOut, etag: true },
      problems: ['product-exists'],
      idempotent: true,
      rejectWhenFull: true,
      handle: async ({ body, context }) => productAnswer(await rules.create(body, context), 201),
    }),
    route({
      method: 'get',
      path: '/:id',
      access: 'anyone',
      operationId: 'getProduct',
      summary: 'Read a product.',
      params: productParams,
      response: { status: 200, body: productOut, etag: true },
      public: true,
      async handle({ params, context }) {
        const found = await rules.get(params.id, context);
        return isRefusal(found) ? found : { status: 200, body: showProduct(found), etag: tagOf(found) };
      },
    }),
    route({
      method: 'patch',
      path: '/:id',
      access: 'admin',
      operationId: 'updateProduct',
      summary: 'Change fields of a product, except its stock.',
      params: productParams,
      body: schemas.update,
      response: { status: 200, body: productOut, etag: true },
      problems: ['precondition-failed'],
      idempotent: true,
      handle: async ({ params, body, context }) => productAnswer(await rules.update(params.id, body, context), 200),
    }),
    route({
      method: 'delete',
      path: '/:id',
      access: 'admin',
      operationId: 'deleteProduct',
      summary: 'Delete a product. Purchases of it stay as they are.',
      params: productParams,
      response: { status: 204 },
      problems: ['precondition-failed'],
      idempotent: true,
      async handle({ params, context }) {
        const removed = await rules.remove(params.id, context);
        return isRefusal(removed) ? removed : { status: 204, replayed: removed.replayed };
      },
    }),
    route({
      method: 'post',
      path: '/:id/stock',
      access: 'admin',
      operationId: 'changeStock',
      summary: 'Add to the stock of a product, or take from it.',
      params: productParams,
      body: schemas.restock,
      response: { status: 200, body: productOut, etag: true },
      problems: ['precondition-failed', 'insufficient-stock'],
      idempotent: true,
      handle: async ({ params, body, context }) =>
        productAnswer(await rules.restock(params.id, body.delta, context), 200),
    }),
  ];
}

function productAnswer(outcome: Written<Product> | Refusal, status: 200 | 201): Answer | Refusal {
  if (isRefusal(outcome)) return outcome;
  const { value, replayed } = outcome;
  const location = status === 201 ? { location: `/products/${value.doc.id}` } : {};
  return { status, body: showProduct(value), etag: tagOf(value), replayed, ...location };
}

/** A product as the contract shows it. */
export function showProduct({ doc, stock, updatedAt }: Product): ProductOut {
  const { id, name, description, category, company, manufacturedAt, priceMinor, currency, createdAt } = doc;
  const price = { amount: priceMinor, currency };
  const times = { createdAt: rfc3339(createdAt), updatedAt: rfc3339(updatedAt) };
  return { id, name, description, category, company, manufacturedAt, price, stock, ...times };
}
