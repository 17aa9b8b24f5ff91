/** What travels on the bus: each service's event stream, which the other services may read and only its own service writes. */
import { z } from 'zod';
import type { ServiceName } from '../services.ts';

/** The stream of a service's events. */
export function eventStream(service: ServiceName): string {
  return `{${service}}:events`;
}

/** Events of `users` that say whose tokens are to be forgotten. No names, no addresses: a stream is no place for them. */
export const userEvents = {
  'session.ended': z.object({ userId: z.string(), sessionIds: z.array(z.string()) }),
  'user.role-changed': z.object({ userId: z.string(), role: z.enum(['customer', 'admin']) }),
  'user.deleted': z.object({ userId: z.string() }),
} as const;

/** How long events of `users` are kept at least, in ms: longer than any access token lives. */
export const userEventsKeptMs = 15 * 60_000;

/** How long an access token lives, in seconds. */
export const accessTokenSeconds = 300;
