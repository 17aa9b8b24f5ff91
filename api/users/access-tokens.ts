/** Access tokens (RFC 9068): signed here and nowhere else. Each names a user, a sign-in and a role, for five minutes at most. */
import { createHash, createPrivateKey, createPublicKey, randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import type { TokenClaims } from '../contracts/claims.ts';
import { accessTokenSeconds } from '../contracts/events.ts';
import { shopTimeSeconds } from '../core/clock.ts';
import { algorithm, audience, issuer, type PublicJwk } from '../http/tokens.ts';

/** See {@link accessTokens}. */
export type AccessTokens = {
  /** @param lifeSeconds at most `accessTokenSeconds`, which it is by default */
  issue(claims: TokenClaims, lifeSeconds?: number): string;
  /** What verifies them. */
  publicKeys(): readonly PublicJwk[];
};

/** Makes the signer. @param privateKeyPem an EC key on P-256, PKCS#8 */
export function accessTokens(privateKeyPem: string): AccessTokens {
  const privateKey = createPrivateKey(privateKeyPem);
  const { kty, crv, x, y } = createPublicKey(privateKey).export({ format: 'jwk' });
  // RFC 7638: the required members in this order, without white space.
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
  const publicKey = { kty, crv, x, y, kid, use: 'sig', alg: algorithm } as PublicJwk;
  return {
    publicKeys: () => [publicKey],
    issue: ({ userId, sessionId, role }, lifeSeconds = accessTokenSeconds) =>
      jwt.sign({ sid: sessionId, role, iat: shopTimeSeconds() }, privateKey, {
        header: { alg: algorithm, typ: 'at+jwt', kid },
        algorithm,
        issuer,
        audience,
        subject: userId,
        jwtid: randomUUID(),
        expiresIn: Math.min(lifeSeconds, accessTokenSeconds),
      }),
  };
}
