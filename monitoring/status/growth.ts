/** Which users have added most today, over all services. Each service counts by itself and answers an admin's own token. */
import { type Grower, growersOut } from '../../api/contracts/growth.ts';
import { serviceNames } from '../../api/services.ts';

const timeoutMs = 2000;
const shown = 10;

/** A user and the estimated bytes added today, in all services and in each. */
type UserGrowth = { readonly userId: string; readonly bytes: number; readonly services: Record<string, number> };

/**
 * Asks every service.
 * @param internalUrl of Nginx's internal listener
 * @param authorization the header of the admin's own request: each service judges it again
 * @param requestId of that request
 * @returns the ten users who added most, the most first, and the services that did not answer
 */
export async function readGrowth(
  internalUrl: string,
  authorization: string,
  requestId: string,
): Promise<{ users: UserGrowth[]; missing: string[] }> {
  const headers = { authorization, 'x-request-id': requestId };
  const answers = await Promise.all(
    serviceNames.map(async (service) => ({ service, growers: await growersOf(internalUrl, service, headers) })),
  );
  return {
    users: mostOf(answers.flatMap(({ service, growers = [] }) => growers.map((grower) => ({ ...grower, service })))),
    missing: answers.filter(({ growers }) => growers === undefined).map(({ service }) => service),
  };
}

async function growersOf(
  internalUrl: string,
  service: string,
  headers: Record<string, string>,
): Promise<Grower[] | undefined> {
  try {
    const answer = await fetch(new URL(`/internal/${service}/growth`, internalUrl), {
      headers,
      signal: AbortSignal.timeout(timeoutMs),
    });
    return answer.ok ? growersOut.parse(await answer.json()).data : undefined;
  } catch {
    return undefined;
  }
}

/** Adds up what each user added to the services. */
export function mostOf(growers: readonly (Grower & { readonly service: string })[]): UserGrowth[] {
  const users = new Map<string, UserGrowth>();
  for (const { userId, bytes, service } of growers) {
    const before = users.get(userId) ?? { userId, bytes: 0, services: {} };
    users.set(userId, {
      userId,
      bytes: before.bytes + bytes,
      services: { ...before.services, [service]: (before.services[service] ?? 0) + bytes },
    });
  }
  return [...users.values()].sort((a, b) => b.bytes - a.bytes).slice(0, shown);
}
