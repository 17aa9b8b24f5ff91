/** What is stored of a product, and how it is read: older records have fewer fields, newer ones more. */
import { z } from 'zod';

const known = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string().default(''),
  category: z.string(),
  company: z.string().nullable().default(null),
  /** RFC 3339, UTC. */
  manufacturedAt: z.string().nullable().default(null),
  priceMinor: z.int(),
  /** ISO 4217. */
  currency: z.string(),
  /** Milliseconds since 1970. */
  createdAt: z.int(),
});

/** Everything about a product that only PATCH changes; stored as JSON. */
export type ProductDoc = Readonly<z.infer<typeof known>>;

/** A product as it was at one moment. `updatedAt` in ms since 1970. */
export type Product = {
  readonly doc: ProductDoc;
  readonly stock: number;
  readonly updatedAt: number;
  /** Counts every change. */
  readonly version: string;
  /** Made at creation: a product recreated under the same id has another. */
  readonly generation: string;
};

/** A product as it was read; `documentVersion` is new after each change of the document, so that a script sees whether it has changed since. */
export type StoredProduct = Product & { readonly documentVersion: string };

/** The fields of a product's hash (named in keys.ts) that make a {@link StoredProduct}, in the order in which {@link storedProductOf} takes them: the last three are older names of the three before. */
export const storedFields = [
  'doc',
  'stock',
  'updatedAt',
  'version',
  'generation',
  'documentVersion',
  'rev',
  'incarnation',
  'edition',
] as const;
/** How many of them a product of the present release has. */
export const currentFields = 6;

// Loose: during a rolling update this version may change a document that a newer one wrote, and must not drop its fields.
const storedDoc = z.looseObject(known.shape);
const coercedNumber = z.coerce.number().pipe(z.int());

/** The document in its stored JSON. @throws ZodError when a field that every version wrote is missing or of another type */
function docOfJson(json: string): ProductDoc {
  const doc: unknown = JSON.parse(json);
  return isWhole(doc) ? doc : storedDoc.parse(doc);
}

/** Whether the schema would accept the document as it is. Zod takes five times as long to check this, and a page has twenty documents. */
function isWhole(value: unknown): value is ProductDoc {
  if (typeof value !== 'object' || value === null) return false;
  const doc = value as Record<keyof ProductDoc, unknown>;
  // The compiler demands a row for each field of the schema.
  const has: Readonly<Record<keyof ProductDoc, boolean>> = {
    id: typeof doc.id === 'string',
    name: typeof doc.name === 'string',
    description: typeof doc.description === 'string',
    category: typeof doc.category === 'string',
    company: doc.company === null || typeof doc.company === 'string',
    manufacturedAt: doc.manufacturedAt === null || typeof doc.manufacturedAt === 'string',
    priceMinor: Number.isSafeInteger(doc.priceMinor),
    currency: typeof doc.currency === 'string',
    createdAt: Number.isSafeInteger(doc.createdAt),
  };
  for (const name in has) if (!has[name as keyof ProductDoc]) return false;
  return true;
}

/** The number in a stored text. @throws ZodError when it is not a whole number */
function wholeNumber(text: string | undefined): number {
  const number = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isSafeInteger(number) ? number : coercedNumber.parse(text);
}

/** The product in the fields `doc`, `stock`, `updatedAt`, `version`, `generation`. @throws ZodError as {@link docOfJson} */
export function productOf([doc = '', stock, updatedAt, version = '', generation = '']: readonly string[]): Product {
  return {
    doc: docOfJson(doc),
    stock: wholeNumber(stock),
    updatedAt: wholeNumber(updatedAt),
    version,
    generation,
  };
}

/** The product in the values of {@link storedFields}; `undefined` where there is none. @throws ZodError as {@link docOfJson} */
export function storedProductOf(values: readonly (string | null)[]): StoredProduct | undefined {
  const [doc, stock, updatedAt, version, generation, documentVersion, rev, incarnation, edition] = values;
  const readVersion = documentVersion ?? edition;
  if (doc == null || readVersion == null) return undefined;
  const fields = [doc, stock ?? '', updatedAt ?? '', version ?? rev ?? '', generation ?? incarnation ?? ''];
  return { ...productOf(fields), documentVersion: readVersion };
}
