/** What goes in and out of `products`. Types are inferred from here. */
import { z } from 'zod';
import { receivedItemToRelease } from '../contracts/calls.ts';
import { idPattern } from '../core/ids.ts';
import { moneyIn, moneyOut } from '../core/money.ts';
import { faultOfLine, faultOfLines, refusing } from '../core/text.ts';
import { pageQuery } from '../http/lists.ts';
import { wordsOfText } from './indexes.ts';
import { sortFields } from './keys.ts';

/** The most that an admin may put in stock. A cancelled purchase may lift it above that; sums stay far below 2^53. */
export const maxStock = 1_000_000_000;
const maxWords = 10;
const mostItems = 1000;

/** The path parameter of one product. */
export const productParams = z.strictObject({ id: z.string().regex(idPattern) });

/** What the examples of the OpenAPI document show. */
const exampleProduct = {
  id: 'boots',
  name: 'Hiking Boots',
  description: 'Waterproof, for wide feet.',
  category: 'footwear',
  company: 'Example Ltd',
  manufacturedAt: '2026-05-01T00:00:00.000Z',
  price: { amount: 10_999, currency: 'USD' },
  stock: 5,
  createdAt: '2026-11-21T10:00:00.000Z',
  updatedAt: '2026-11-21T10:00:00.000Z',
};

const text = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/\S/, { error: 'must not be blank', abort: true })
    .refine(...refusing(faultOfLine));
const time = z.iso
  .datetime({ error: 'must be a time in UTC such as 2024-05-01T00:00:00Z' })
  .regex(/T\d\d:\d\d:\d\d/, 'must have seconds')
  .transform((given) => new Date(given).toISOString())
  .meta({ inDocument: { type: 'string', format: 'date-time', description: 'In UTC, with Z.' } });
const stock = z.int().min(0).max(maxStock);

/** The schemas of bodies, which know the shop's currency (ISO 4217). */
export function productSchemas(currency: string) {
  const fields = {
    name: text(200),
    /** Left out: ''. */
    description: z
      .string()
      .max(5000)
      .refine(...refusing(faultOfLines))
      .optional(),
    category: text(100),
    /** Left out or null: null. */
    company: text(200).nullable().optional(),
    /** Left out or null: null. Given back in UTC with milliseconds. */
    manufacturedAt: time.nullable().optional(),
    price: moneyIn(currency),
  };
  const { name, description, category, company, manufacturedAt, price } = fields;
  const { id: _id, createdAt: _createdAt, updatedAt: _updatedAt, ...example } = exampleProduct;
  const priced = { ...example, price: { ...example.price, currency } };
  const create = z
    .strictObject({
      id: z.string().regex(idPattern, 'must be 1 to 64 of A-Z a-z 0-9 _ -').optional(),
      ...fields,
      stock,
    })
    .meta({ id: 'NewProduct', requestExamples: [{ id: 'boots', ...priced }] });
  return {
    create,
    /** `company: null` and `manufacturedAt: null` take the value away; a description is emptied by ''. */
    update: z
      .strictObject({
        name: name.optional(),
        description,
        category: category.optional(),
        company,
        manufacturedAt,
        price: price.optional(),
      })
      .refine((change) => Object.keys(change).length > 0, 'must name at least one field to change')
      .meta({ id: 'ProductChange', minProperties: 1, requestExamples: [{ price: priced.price, company: null }] }),
    restock: z
      .strictObject({
        delta: z
          .int()
          .min(-maxStock)
          .max(maxStock)
          .refine((delta) => delta !== 0, 'must not be 0')
          .meta({ not: { const: 0 } }),
      })
      .meta({ id: 'StockChange', examples: [{ delta: 12 }] }),
    /** The items are checked one by one by the rules, each refused on its own. */
    batch: z
      .strictObject({
        products: z
          .array(z.unknown().meta({ inDocument: { $ref: '#/components/schemas/NewProduct' } }))
          .min(1)
          .max(mostItems),
      })
      .meta({ id: 'ProductBatch', examples: [{ products: [{ id: 'boots', ...priced }] }] }),
  };
}

type Schemas = ReturnType<typeof productSchemas>;
/** A product to create. */
export type NewProduct = z.infer<Schemas['create']>;
/** A change of a product; a field that is left out stays as it is. */
export type ProductChange = z.infer<Schemas['update']>;

const amount = z
  .string()
  .regex(/^\d{1,15}$/, 'must be an integer of minor units')
  .transform(Number)
  .meta({ inDocument: { type: 'integer', minimum: 0, maximum: 999_999_999_999_999, description: 'In minor units.' } });

/** The query of the list. Prices are inclusive, in minor units; `inStock` can only be `true`: leave it out for all. */
export const listQuery = z.strictObject({
  ...pageQuery,
  category: z.string().min(1).max(100).optional(),
  company: z.string().min(1).max(200).optional(),
  q: z
    .string()
    .max(200)
    .refine((q) => wordsOfText(q).length > 0, 'must contain a word')
    .refine((q) => wordsOfText(q).length <= maxWords, `must not contain more than ${maxWords} words`)
    .optional()
    .meta({ description: `Up to ${maxWords} words, each the beginning of a word in name, description or company.` }),
  minPrice: amount.optional(),
  maxPrice: amount.optional(),
  inStock: z.literal('true').optional(),
  sort: z.enum([...sortFields, '-createdAt', '-price', '-name']).default('-createdAt'),
});
/** See {@link listQuery}. */
export type ListQuery = z.infer<typeof listQuery>;
/** What a list asks for, whichever page of it: what a cursor is bound to. */
export type Question = Omit<ListQuery, 'limit' | 'cursor'>;

/** A product as clients see it. */
export const productOut = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    category: z.string(),
    company: z.string().nullable(),
    manufacturedAt: z.iso.datetime().nullable(),
    price: moneyOut,
    stock: z.int(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Product', examples: [exampleProduct] });
/** See {@link productOut}. */
export type ProductOut = z.infer<typeof productOut>;

/** A page of products. */
export const listOut = z
  .object({ data: z.array(productOut), nextCursor: z.string().nullable() })
  .meta({ id: 'ProductPage', examples: [{ data: [exampleProduct], nextCursor: null }] });

const problemOut = z.looseObject({ type: z.string(), title: z.string(), status: z.int(), detail: z.string() });
/** The result of each product of a batch, in the order given; `id` is null where none could be read from it. */
export const batchOut = z
  .object({ data: z.array(z.object({ id: z.string().nullable(), status: z.int(), problem: problemOut.optional() })) })
  .meta({ id: 'ProductBatchResult', examples: [{ data: [{ id: 'boots', status: 201 }] }] });
/** See {@link batchOut}. */
export type BatchOut = z.infer<typeof batchOut>;

const purchaseId = z.string().regex(idPattern);
const quantity = z.int().min(1).max(maxStock);

/** The bodies of the internal calls, held to more than their contract says: a negative quantity would make stock. */
export const reservationIn = z.strictObject({
  purchaseId,
  items: z
    .array(z.strictObject({ productId: z.string(), quantity }))
    .min(1)
    .max(1000),
});
/** See {@link reservationIn}. Each has the id of the request that it belongs to. */
export const reservationGroupIn = z.strictObject({
  reservations: z
    .array(reservationIn.extend({ requestId: z.string().max(64) }))
    .min(1)
    .max(100),
});
/** See {@link reservationIn}. */
export const releaseIn = z.strictObject({
  purchaseId,
  items: z
    .array(receivedItemToRelease.refine((item) => quantity.safeParse(item.quantity).success, 'has no valid quantity'))
    .max(1000),
});
