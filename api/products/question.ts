/** From what a list asks for to where its answer stands in the indexes and what is left to check. Pure. */
import { indexedPart, memberOf, type ProductDoc, sortableNumber, wordsOf, wordsOfText } from './entries.ts';
import { type Scope, type SortField, sortKey, wordsKey } from './keys.ts';
import type { Question } from './schema.ts';
import type { Stretch } from './store-indexes.ts';

/** Where to look. */
export type Plan = {
  readonly field: SortField;
  readonly descending: boolean;
  /** The stretch of a sort index that holds every match that comes after the cursor, in the order of the list. */
  readonly walk: Stretch;
  /** Stretches that each hold an entry of every match, in some other order: one that is short saves the walk. */
  readonly shortcuts: readonly Stretch[];
  /** Whether the walk meets products that do not match. */
  readonly filtered: boolean;
};

/** What the check of a match needs to know. */
export type Checked = { readonly doc: ProductDoc; readonly stock: number };

/** Plans a list. @param after the member at which the page before ended */
export function planOf(question: Question, after: string | undefined): Plan {
  const { category, company, q, minPrice, maxPrice, inStock, sort } = question;
  const descending = sort.startsWith('-');
  const field = (descending ? sort.slice(1) : sort) as SortField;
  const scope = scopeOf(question);
  const priced = minPrice !== undefined || maxPrice !== undefined;
  const prices = {
    key: sortKey('price', scope),
    min: minPrice === undefined ? '-' : `[${sortableNumber(minPrice)}`,
    max: maxPrice === undefined ? '+' : `(${sortableNumber(maxPrice)}\x01`, // just above `<price>\0<any id>`
  };
  const whole = field === 'price' ? prices : { key: sortKey(field, scope), min: '-', max: '+' };
  const walk = after === undefined ? whole : { ...whole, [descending ? 'max' : 'min']: `(${after}` };
  const words = wordsOfText(q ?? '').map(indexedPart);
  return {
    field,
    descending,
    walk,
    shortcuts: [
      // No word contains U+10FFFF, so it stands above all that begin alike.
      ...words.map((word) => ({ key: wordsKey, min: `[${word}`, max: `(${word}\u{10ffff}` })),
      ...(priced && field !== 'price' ? [prices] : []),
    ],
    filtered:
      words.length > 0 ||
      inStock !== undefined ||
      (priced && field !== 'price') ||
      (company !== undefined && category !== undefined),
  };
}

/** The check that decides whether a product is in the list; the indexes only tell where to look. */
export function matcherOf(question: Question): (product: Checked) => boolean {
  const { category, company, q, minPrice = 0, maxPrice = Number.POSITIVE_INFINITY, inStock } = question;
  const wanted = wordsOfText(q ?? '');
  return ({ doc, stock }) =>
    (category === undefined || doc.category === category) &&
    (company === undefined || doc.company === company) &&
    doc.priceMinor >= minPrice &&
    doc.priceMinor <= maxPrice &&
    (inStock === undefined || stock > 0) &&
    (wanted.length === 0 || hasAll(wordsOf(doc), wanted));
}

/** Products in the order of the list, those after the cursor only. Compared as Redis does: byte by byte. */
export function inOrder<P extends Checked>(products: readonly P[], plan: Plan, after: string | undefined): P[] {
  const direction = plan.descending ? -1 : 1;
  const last = after === undefined ? undefined : Buffer.from(after);
  return products
    .map((product) => ({ product, member: Buffer.from(memberOf(product.doc, plan.field)) }))
    .filter(({ member }) => last === undefined || direction * Buffer.compare(member, last) > 0)
    .sort((a, b) => direction * Buffer.compare(a.member, b.member))
    .map(({ product }) => product);
}

function hasAll(words: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((prefix) => words.some((word) => word.startsWith(prefix)));
}

/** The narrowest index there is: a company usually has fewer products than a category. */
function scopeOf({ category, company }: Question): Scope {
  if (company !== undefined) return { of: 'company', text: company };
  if (category !== undefined) return { of: 'category', text: category };
  return { of: 'all' };
}
