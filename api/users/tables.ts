/** All route tables of `users`: `open.ts` binds them to the service, the OpenAPI document reads what they declare. */
import type { ServiceRoutes } from '../http/app.ts';
import type { Cursors } from '../http/lists.ts';
import type { AccessTokens } from './access-tokens.ts';
import { userRoutes } from './routes.ts';
import { sessionRoutes } from './routes-sessions.ts';
import { internalRoutes, signInRoutes } from './routes-sign-in.ts';
import type { UserRules } from './service.ts';
import type { SignInRules } from './service-sign-in.ts';

/** What the handlers call. */
type UserParts = {
  readonly users: UserRules;
  readonly signIns: SignInRules;
  readonly cursors: Cursors;
  readonly access: Pick<AccessTokens, 'publicKeys'>;
};

/** See {@link UserParts}. */
export function tables({ users, signIns, access, cursors }: UserParts): ServiceRoutes {
  return {
    routes: [...signInRoutes(signIns, access), ...sessionRoutes(signIns), ...userRoutes(users, cursors)],
    internal: internalRoutes(signIns),
  };
}
