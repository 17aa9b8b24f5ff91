/** What an access token says. */
import type { Role } from '../core/request.ts';

/** The claims that matter: whose token it is, from which sign-in, and with which role it was issued. */
export type TokenClaims = { readonly userId: string; readonly sessionId: string; readonly role: Role };
