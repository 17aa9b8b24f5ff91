/** Lists by cursor. A cursor is signed and bound to the question it came from, so that a made-up one is a fault and not a wrong page. */
import { z } from 'zod';
import { invalid, isRefusal, type Refusal } from '../core/outcome.ts';
import type { Page } from '../core/page.ts';
import type { Answer } from './route.ts';
import { keyedHash, sameText } from './secrets.ts';

/** A whole number in a query, in plain decimal digits: not `1e1` or ` 7`. */
function wholeNumber(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,16}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max));
}

/** The query parameters that every list has. */
export const pageQuery = {
  limit: wholeNumber(1, 100)
    .default(20)
    .meta({ inDocument: { type: 'integer', minimum: 1, maximum: 100, default: 20 } }),
  cursor: z
    .string()
    .max(2048)
    .optional()
    .meta({ description: 'The `nextCursor` of the previous page. Send the other parameters unchanged.' }),
};

const macLength = 16;

/** See {@link cursors}. */
export type Cursors = {
  /** The cursor of the page after `last` (an index member) of the list that `question` asks for. */
  seal(question: unknown, last: string): string;
  /** The index member in a cursor, or `undefined` when the shop did not make it for this question. */
  open(question: unknown, cursor: string): string | undefined;
};

/** Makes and reads cursors. @param secret the same on every replica */
export function cursors(secret: string): Cursors {
  function seal(question: unknown, last: string): string {
    const mac = keyedHash(secret, 'cursor', JSON.stringify(question), last).slice(0, macLength);
    return mac + Buffer.from(last).toString('base64url');
  }
  return {
    seal,
    open(question, cursor) {
      const last = Buffer.from(cursor.slice(macLength), 'base64url').toString();
      return sameText(cursor, seal(question, last)) ? last : undefined;
    },
  };
}

/**
 * Answers with one page of a list.
 * @param question what identifies the list; a cursor is bound to it
 * @param read reads up to `limit` items that come after an index member
 * @param show an item as clients see it
 * @returns the page; a 422 when the cursor is of another list; the refusal of `read`
 */
export async function answerPage<Item>(
  cursors: Cursors,
  question: unknown,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
  read: (after: string | undefined, limit: number) => Promise<Page<Item> | Refusal>,
  show: (item: Item) => object,
): Promise<Answer | Refusal> {
  const after = cursor === undefined ? undefined : cursors.open(question, cursor);
  if (cursor !== undefined && after === undefined) {
    return invalid([{ pointer: '?cursor', detail: 'is not a cursor of this list' }]);
  }
  const page = await read(after, limit);
  if (isRefusal(page)) return page;
  const nextCursor = page.last === undefined ? null : cursors.seal(question, page.last);
  return { status: 200, body: { data: page.items.map(show), nextCursor }, next: nextCursor };
}
