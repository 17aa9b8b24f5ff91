/** Puts `users` together: stores, rules, routes. */
import type { UsersConfig } from '../core/config.ts';
import type { OpenService } from '../http/service.ts';
import { accessTokens } from './access-tokens.ts';
import { ensureFirstAdmin } from './first-admin.ts';
import { openPasswords } from './passwords.ts';
import { refreshTokens } from './refresh-tokens.ts';
import { userRoutes } from './routes.ts';
import { internalRoutes, signInRoutes } from './routes-sign-in.ts';
import { openUsers } from './service.ts';
import { openSignIns } from './service-sign-in.ts';
import { openUserStore } from './store.ts';
import { openSessionStore } from './store-sessions.ts';

/** Opens the service. */
export const open: OpenService = ({ config, redis, cursors, log }) => {
  const settings = config as UsersConfig; // readConfig reads more for this service
  const store = openUserStore(redis);
  const passwords = openPasswords();
  const access = accessTokens(settings.JWT_PRIVATE_KEY);
  const refresh = refreshTokens(settings.REFRESH_SECRET);
  const signIns = openSignIns({ users: store, sessions: openSessionStore(redis), passwords, access, refresh });
  const { ADMIN_EMAIL: email, ADMIN_PASSWORD: password } = settings;
  const admin = email === undefined || password === undefined ? undefined : { email, password };
  return {
    routes: [...signInRoutes(signIns, access), ...userRoutes(openUsers(store, passwords, cursors))],
    internal: internalRoutes(signIns),
    own: { keys: async () => access.publicKeys(), checkSession: signIns.check },
    background: () => ensureFirstAdmin(admin, store, passwords, log),
  };
};
