/**
 * The entries of a product in the indexes: pure functions of its document. Members of sort indexes are `<sortable>\0<id>` in byte order, so that a page
 * goes on after the member at which the last one ended, even if products were written meanwhile (keyset paging); no stored text contains NUL.
 */
import { type Scope, type SortField, sortFields, sortKey } from './keys.ts';
import type { ProductDoc } from './record.ts';

/** What has to be taken from and put into one index. */
type Change = { readonly remove: readonly string[]; readonly add: readonly string[] };
/** What has to be taken from and put into the sort index `key`. */
export type IndexChange = Change & { readonly key: string };

/** Digits of the numbers in members: enough for ms since 1970 and for any price. */
const digits = 16;
/** Characters of a name that count for sorting: keeps cursors short. Names that are equal up to there are in the order of their ids. */
const sortedCharacters = 100;
/** Characters of a word that are indexed; longer ones are found by these and then compared in full. */
const indexedCharacters = 64;
/** Distinct words of a product that are indexed, name first: more than a description of 5,000 characters has in any language. */
const indexedWords = 1000;

/** A text in the form in which words are compared: Unicode's compatibility composition, in lower case. @see https://www.unicode.org/reports/tr15/ */
export function foldText(text: string): string {
  return text.normalize('NFKC').toLowerCase().normalize('NFKC');
}

/** The words of a text, each once: compatibility forms and letter case do not matter, everything but letters and digits separates. */
export function wordsOfText(text: string): string[] {
  return [...new Set(foldText(text).split(/[^\p{L}\p{N}\p{M}]+/u))].filter((word) => word !== '');
}

/** The words by which a product is found. */
export function wordsOf(doc: ProductDoc): string[] {
  return wordsOfText(`${doc.name} ${doc.company ?? ''} ${doc.description}`);
}

/** The part of a word that the index knows. */
export function indexedPart(word: string): string {
  return characters(word, indexedCharacters);
}

/** The bounds of all words that begin with `prefix`, as in ZRANGE BYLEX. No word contains U+10FFFF, so it sorts above all that begin alike. */
export function boundsOfPrefix(prefix: string): { readonly min: string; readonly max: string } {
  return { min: `[${prefix}`, max: `(${prefix}\u{10ffff}` };
}

/** A number in the form in which it sorts as text. */
export function sortableNumber(value: number): string {
  return String(value).padStart(digits, '0');
}

/** A product's member in the indexes sorted by `field`. */
export function memberOf(doc: ProductDoc, field: SortField): string {
  const { id, name, priceMinor, createdAt } = doc;
  return memberOfValue(String({ name, price: priceMinor, createdAt }[field]), id, field);
}

/** The member of a product whose name, price in minor units or time in ms since 1970 is `value`. */
export function memberOfValue(value: string, id: string, field: SortField): string {
  const sortable = field === 'name' ? characters(foldText(value), sortedCharacters) : value.padStart(digits, '0');
  return `${sortable}\0${id}`;
}

/** The id in a member of a sort index. */
export function idOfMember(member: string): string {
  return member.slice(member.lastIndexOf('\0') + 1);
}

/** What changes in the sort indexes when `before` becomes `after`; `undefined` is a product that is not there. */
export function indexChanges(before: ProductDoc | undefined, after: ProductDoc | undefined): IndexChange[] {
  const old = before === undefined ? new Map<string, string[]>() : entriesOf(before);
  const now = after === undefined ? new Map<string, string[]>() : entriesOf(after);
  if (before === undefined) return [...now].map(([key, add]) => ({ key, remove: [], add })); // there is nothing to compare with: half the time
  return [...new Set([...old.keys(), ...now.keys()])]
    .map((key) => {
      const [was, is] = [old.get(key) ?? [], now.get(key) ?? []];
      const [had, has] = [new Set(was), new Set(is)];
      return { key, remove: was.filter((member) => !has.has(member)), add: is.filter((member) => !had.has(member)) };
    })
    .filter(({ remove, add }) => remove.length + add.length > 0);
}

/** Which words the word index has to forget and learn of a product when `before` becomes `after`. */
export function wordChange(before: ProductDoc | undefined, after: ProductDoc | undefined): Change {
  const [was, is] = [indexedWordsOf(before), indexedWordsOf(after)];
  return { remove: [...was].filter((word) => !is.has(word)), add: [...is].filter((word) => !was.has(word)) };
}

function indexedWordsOf(doc: ProductDoc | undefined): Set<string> {
  return new Set(doc === undefined ? [] : wordsOf(doc).slice(0, indexedWords).map(indexedPart));
}

/** Index key → the product's members in it. */
function entriesOf(doc: ProductDoc): Map<string, string[]> {
  const scopes: Scope[] = [{ of: 'all' }, { of: 'category', text: doc.category }];
  if (doc.company !== null) scopes.push({ of: 'company', text: doc.company });
  const entries = new Map<string, string[]>();
  for (const field of sortFields) {
    const member = memberOf(doc, field);
    for (const scope of scopes) entries.set(sortKey(field, scope), [member]);
  }
  return entries;
}

/** The first `count` characters; never half a surrogate pair. */
function characters(text: string, count: number): string {
  return text.length <= count ? text : [...text].slice(0, count).join('');
}
