/** Puts `users` together: stores, rules, routes. */
import type { OpenService } from '../http/service.ts';
import { accessTokens } from './access-tokens.ts';
import { ensureFirstAdmin } from './first-admin.ts';
import { createGuessing } from './guessing.ts';
import { createPasswords } from './passwords.ts';
import { refreshTokens } from './refresh-tokens.ts';
import { createUserRules } from './service.ts';
import { createSignInRules } from './service-sign-in.ts';
import { type UserSettings, userSettings } from './settings.ts';
import { createUserWrites } from './store.ts';
import { createSessionReads, createUserReads } from './store-reads.ts';
import { createSessionWrites } from './store-sessions.ts';
import { tables } from './tables.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** The settings that only `users` has. */
export const settings = userSettings;

/** Opens the service. */
export const open: OpenService<UserSettings> = ({ config, redis, cursors, log, registry, limits }) => {
  const reads = createUserReads(redis.reads);
  const store = { ...reads, ...createUserWrites(redis.writes, reads) };
  const passwords = createPasswords();
  const access = accessTokens(config.JWT_PRIVATE_KEY);
  const refresh = refreshTokens(config.REFRESH_SECRET);
  const ends = { customer: config.SESSION_MAX_DAYS * dayMs, admin: config.ADMIN_SESSION_MAX_HOURS * hourMs };
  const sessions = { ...createSessionReads(redis.reads), ...createSessionWrites(redis.writes, ends) };
  const guessing = createGuessing(limits, config.IDEMPOTENCY_SECRET, registry);
  const signIns = createSignInRules({
    users: store,
    sessions,
    passwords,
    guessing,
    access,
    refresh,
    limits: ends,
    reserve: limits.reserve,
  });
  let firstAdmin: ReturnType<typeof ensureFirstAdmin> | undefined;
  return {
    ...tables({ users: createUserRules(store, passwords), signIns, access, cursors }),
    own: {
      keys: async () => access.publicKeys(),
      checkSession: (claims, _requestId, deadline) => signIns.check(claims, deadline),
    },
    background() {
      firstAdmin = ensureFirstAdmin(config, store, passwords, log);
      return firstAdmin.stop;
    },
    // Or the first admin's sign-in right after /healthz turned 200 would be refused.
    isPrepared: () => firstAdmin?.isSettled() ?? true,
  };
};
