/** Texts that hold JSON, as Redis stores them. */
import { z } from 'zod';

/** The schema of a text whose JSON has this schema. */
export function jsonText<T>(schema: z.ZodType<T>) {
  return z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(schema);
}
