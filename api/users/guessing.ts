/**
 * Protection against password guessing. Wrong passwords are counted by account, over all addresses that are new to it. When there are too
 * many, new addresses have to wait; addresses from which the account signed in recently do not. So guessing is slow and cannot lock the
 * owner out.
 */
import { Counter, type Registry } from 'prom-client';
import { addressIdentity } from '../core/address.ts';
import { emailIdentity } from '../core/email.ts';
import type { Refusal } from '../core/outcome.ts';
import { type HandlerLimits, rateLimited } from '../http/limits.ts';
import { keyedHash } from '../http/secrets.ts';

/** An attempt that was admitted; the caller reports its result. */
export type Attempt = {
  /** The password was wrong: the attempt stays counted. */
  failed(): void;
  /** The password was right, or was not compared: the attempt does not count. */
  withdraw(): Promise<void>;
};

/** See {@link createGuessing}. */
export type Guessing = {
  /** The form in which an account's known addresses are stored. @param address of the caller, as Nginx saw it */
  addressHash(email: string, address: string): string;
  /** Admits an attempt or refuses it. Counted before the password is compared, so that attempts at the same time are counted exactly. */
  admit(email: string, isKnownAddress: boolean): Promise<Attempt | Refusal>;
};

/** Characters of a hash that are stored: 96 bits are enough to distinguish the few addresses of one account. */
const hashLength = 16;

/** Creates the rules. @param secret of `users` alone */
export function createGuessing(limits: Pick<HandlerLimits, 'reserve'>, secret: string, registry: Registry): Guessing {
  const failures = new Counter({
    name: 'shop_sign_in_failures_total',
    help: 'Sign-ins refused: the password was wrong (wrong-password), or wrong passwords for the account were too many (guessing)',
    labelNames: ['reason'],
    registers: [registry],
  });
  for (const reason of ['wrong-password', 'guessing']) failures.inc({ reason }, 0);
  const failed = () => failures.inc({ reason: 'wrong-password' });
  return {
    addressHash: (email, address) =>
      keyedHash(secret, 'known-address', emailIdentity(email), addressIdentity(address)).slice(0, hashLength),
    async admit(email, isKnownAddress) {
      if (isKnownAddress) return { failed, withdraw: async () => undefined };
      const reservation = await limits.reserve('wrong-passwords', keyedHash(secret, 'account', emailIdentity(email)));
      if (!('waitSeconds' in reservation)) return { failed, withdraw: reservation.giveBack };
      failures.inc({ reason: 'guessing' });
      return rateLimited(reservation.waitSeconds);
    },
  };
}
