/** Access tokens (RFC 9068): only `users` signs them. Each names a user, a sign-in and a role, for five minutes at most. */
import { createHash, createPrivateKey, createPublicKey, randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import type { TokenClaims } from '../contracts/claims.ts';
import { accessTokenSeconds } from '../contracts/events.ts';
import { shopTimeSeconds } from '../core/clock.ts';
import { algorithm, audience, issuer, type PublicJwk } from '../http/tokens.ts';

/** See {@link accessTokens}. */
export type AccessTokens = {
  /** @param lifeSeconds at most, and by default, `accessTokenSeconds` */
  issue(claims: TokenClaims, lifeSeconds?: number): string;
  /** The keys that verify them. */
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

const ownClaims = z.object({ iat: z.number(), exp: z.number(), jti: z.string(), role: z.string().optional() });

/** The part of a token that is stored: what can differ between two tokens of the same sign-in. The user's role may change between them. */
export function shortOf(token: string): string {
  const [, claims = '', signature = ''] = token.split('.');
  const { iat, exp, jti, role } = ownClaims.parse(jsonOf(claims));
  return [iat, exp, jti, signature, role].join(' ');
}

/** Rebuilds the token from its stored part; also how long it lived. @param like another token for the same sign-in @throws when that part is malformed */
export function longOf(short: string, like: string): { readonly token: string; readonly lifeSeconds: number } {
  const [iat, exp, jti, signature, role] = short.split(' ');
  // Stored without a role until 21 November 2026.
  const own = ownClaims.parse({ iat: Number(iat), exp: Number(exp), jti, ...(role === undefined ? {} : { role }) });
  const [header, claims = ''] = like.split('.');
  const same = z.looseObject({}).parse(jsonOf(claims));
  // The claims keep their order: the signature is over exactly this text.
  const text = JSON.stringify({ ...same, ...own });
  const token = [header, Buffer.from(text).toString('base64url'), signature].join('.');
  return { token, lifeSeconds: own.exp - own.iat };
}

function jsonOf(part: string): unknown {
  return JSON.parse(Buffer.from(part, 'base64url').toString());
}
