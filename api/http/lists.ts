/** Lists by cursor. A cursor is signed and bound to the question it came from, so that a made-up one is a fault and not a wrong page. */
import { z } from 'zod';
import { keyedHash, sameText } from './secrets.ts';

/** A whole number in a query, in plain decimal digits: `1e1` and ` 7` are none. */
export function wholeNumber(min: number, max: number) {
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
    .meta({ description: 'The `nextCursor` of the page before; the other parameters as there.' }),
};

const macLength = 16;

/** See {@link cursors}. */
export type Cursors = {
  /** The cursor that goes on after `last` (an index member) of the list that `question` asks for. */
  seal(question: unknown, last: string): string;
  /** The index member in a cursor, or `undefined` when it was not made for this question by us. */
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
