/** Secrets for a shop that lives only as long as a test. */
import { makeSecret, secretNames } from '../../ops/credentials.ts';

/** A new value for every secret, by name. */
export function makeSecrets(): Record<string, string> {
  return Object.fromEntries(secretNames().map((name) => [name, makeSecret(name)]));
}
