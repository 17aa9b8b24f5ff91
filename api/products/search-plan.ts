/** Plans a search: which ranges of the indexes hold the answer, and the check of each product. Pure functions. */
import { boundsOfPrefix, foldText, indexedPart, sortableNumber, wordsOfText } from './indexes.ts';
import { olderWordsKey, type Scope, type SortField, sortKey } from './keys.ts';
import type { ProductDoc } from './record.ts';
import type { Question } from './schema.ts';
import type { IndexRange } from './store-reads.ts';
import type { Inspection } from './store-search.ts';

/** Where to look. */
export type SearchPlan = {
  readonly field: SortField;
  readonly descending: boolean;
  /** The range of a sort index that holds every match that comes after the cursor, in the order of the list. */
  readonly walk: IndexRange;
  /** The sort indexes that hold every match: more than the one of `walk` when both category and company are given. */
  readonly scopes: readonly string[];
  /** The wanted words, as far as the word index knows them. */
  readonly words: readonly string[];
  /** The range of the price index that holds every match, where the list has a price range and another order. */
  readonly prices: IndexRange | undefined;
  readonly inspection: Inspection;
  /** Whether the walk meets products whose price or stock does not match. */
  readonly isInspected: boolean;
  /** Whether the walk meets products that do not match. */
  readonly isFiltered: boolean;
};

/** What the check of a match needs to know. */
type Checked = { readonly doc: ProductDoc; readonly stock: number };

/** Plans a list. @param after the member at which the page before ended */
export function planOf(question: Question, after: string | undefined): SearchPlan {
  const { q, minPrice, maxPrice, inStock, sort } = question;
  const descending = sort.startsWith('-');
  const field = (descending ? sort.slice(1) : sort) as SortField;
  const scopes = scopesOf(question);
  const narrowest = scopes[0] ?? { of: 'all' };
  const prices = {
    key: sortKey('price', narrowest),
    min: minPrice === undefined ? '-' : `[${sortableNumber(minPrice)}`,
    max: maxPrice === undefined ? '+' : `(${sortableNumber(maxPrice)}\x01`, // just above `<price>\0<any id>`
  };
  const whole = field === 'price' ? prices : { key: sortKey(field, narrowest), min: '-', max: '+' };
  const isPriced = field !== 'price' && (minPrice !== undefined || maxPrice !== undefined);
  const words = wordsOfText(q ?? '').map(indexedPart);
  const isInspected = isPriced || inStock !== undefined;
  const inspection = {
    field,
    minPriceMinor: minPrice ?? 0,
    maxPriceMinor: maxPrice ?? Number.MAX_SAFE_INTEGER,
    inStock: inStock !== undefined,
  };
  return {
    field,
    descending,
    walk: after === undefined ? whole : { ...whole, [descending ? 'max' : 'min']: `(${after}` },
    scopes: scopes.map((scope) => sortKey(field, scope)),
    words,
    prices: isPriced ? prices : undefined,
    inspection,
    isInspected,
    isFiltered: words.length > 0 || isInspected || scopes.length > 1,
  };
}

/** The range of the word index of earlier releases that holds an entry of every product with a word that begins with `prefix`. */
export function olderPrefixRange(prefix: string): IndexRange {
  return { key: olderWordsKey, ...boundsOfPrefix(prefix) };
}

/** Members in the order of the list, only those after the cursor. Compared as Redis does: byte by byte. */
export function inOrder(members: readonly string[], { descending, walk }: SearchPlan): string[] {
  const direction = descending ? -1 : 1;
  const after = descending ? walk.max : walk.min;
  const cursor = after.startsWith('(') && after.includes('\0') ? Buffer.from(after.slice(1)) : undefined;
  return members
    .map((member) => ({ member, bytes: Buffer.from(member) }))
    .filter(({ bytes }) => cursor === undefined || direction * Buffer.compare(bytes, cursor) > 0)
    .sort((a, b) => direction * Buffer.compare(a.bytes, b.bytes))
    .map(({ member }) => member);
}

/** The check that decides whether a product is in the list; the indexes only narrow down where to look. */
export function matcherOf(question: Question): (product: Checked) => boolean {
  const { category, company, q, minPrice = 0, maxPrice = Number.POSITIVE_INFINITY, inStock } = question;
  const prefixes = wordsOfText(q ?? '');
  return ({ doc, stock }) =>
    (category === undefined || doc.category === category) &&
    (company === undefined || doc.company === company) &&
    doc.priceMinor >= minPrice &&
    doc.priceMinor <= maxPrice &&
    (inStock === undefined || stock > 0) &&
    (prefixes.length === 0 || hasWords(doc, prefixes));
}

/** Whether the product has, for each prefix, a word that begins with it: as splitting the text into words would find, but much cheaper. */
function hasWords({ name, company, description }: ProductDoc, prefixes: readonly string[]): boolean {
  let missing = prefixes;
  for (const text of [name, company ?? '', description]) {
    const folded = foldText(text);
    missing = missing.filter((prefix) => !hasWord(folded, prefix));
    if (missing.length === 0) return true;
  }
  return false;
}

const wordCharacterAtEnd = /[\p{L}\p{N}\p{M}]$/u;

function hasWord(folded: string, prefix: string): boolean {
  for (let at = folded.indexOf(prefix); at !== -1; at = folded.indexOf(prefix, at + 1)) {
    // Two code units, because a character of the supplementary planes is two.
    if (at === 0 || !wordCharacterAtEnd.test(folded.slice(Math.max(0, at - 2), at))) return true;
  }
  return false;
}

/** The indexes that hold every match, the narrowest first: a company usually has fewer products than a category. */
function scopesOf({ category, company }: Question): Scope[] {
  return [
    ...(company === undefined ? [] : [{ of: 'company', text: company } as const]),
    ...(category === undefined ? [] : [{ of: 'category', text: category } as const]),
  ];
}
