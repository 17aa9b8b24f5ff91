/**
 * Refresh tokens: `<user>.<session>.<generation>.<MAC>`, nowhere stored. Redis knows a sign-in's present generation; a token of an
 * earlier one has been used (RFC 9700 §4.14.2).
 */
import { hkdfSync } from 'node:crypto';
import { keyedHash, sameText } from '../http/secrets.ts';

/** What a refresh token says. */
export type RefreshClaims = { readonly userId: string; readonly sessionId: string; readonly generation: number };

/** See {@link refreshTokens}. */
export type RefreshTokens = {
  issue(claims: RefreshClaims): string;
  /** The claims of a token, or `undefined` when the shop did not issue it. */
  read(token: string): RefreshClaims | undefined;
};

/** Makes and reads refresh tokens. @param secret the same on every replica; another one ends every sign-in */
export function refreshTokens(secret: string): RefreshTokens {
  function issue({ userId, sessionId, generation }: RefreshClaims): string {
    const mac = keyedHash(secret, 'refresh', userId, sessionId, String(generation));
    return `${userId}.${sessionId}.${generation}.${mac}`;
  }
  return {
    issue,
    read(token) {
      const [, userId, sessionId, generation] =
        /^([\da-f-]{36})\.([\da-f-]{36})\.(\d{1,10})\.[\w-]{43}$/.exec(token) ?? [];
      if (userId === undefined || sessionId === undefined || generation === undefined) return undefined;
      const claims = { userId, sessionId, generation: Number(generation) };
      return sameText(token, issue(claims)) ? claims : undefined;
    },
  };
}

/** The key for what only the holder of this token may read. 32 bytes. */
export function keyFromToken(token: string): Buffer {
  return Buffer.from(hkdfSync('sha256', token, '', 'evergreen refresh successor', 32));
}
