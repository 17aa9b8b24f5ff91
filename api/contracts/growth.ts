/** What a service answers when the status page asks which users have added most today. */
import { z } from 'zod';

const grower = z.object({ userId: z.string(), bytes: z.int() });

/** A user and the estimated bytes that the user has added to a service today (UTC). */
export type Grower = z.infer<typeof grower>;

/** The answer of `GET /internal/<service>/growth`, the most first. */
export const growersOut = z.object({ data: z.array(grower) });
