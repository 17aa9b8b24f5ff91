/** Passwords: argon2id, a few at once, because each takes 19 MiB and a core. Load shedding: more than can be done in time are refused. */
import { availableParallelism } from 'node:os';
import { hash, verify } from '@node-rs/argon2';
import { type Deadline, remainingMs } from '../core/clock.ts';
import { Unavailable } from '../core/outcome.ts';

/** OWASP's parameters. @see https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html */
const cost = { memoryCost: 19456, timeCost: 2, parallelism: 1 };
/** One of libuv's four threads stays free for logs. */
const mostAtOnce = 3;
/** For each that is hashed at once: at some 20 ms each, this many are done within a second. */
const maxWaitingEach = 50;

/** A hash that no password has: a sign-in to an unknown address is compared with it, so that it takes as long as any other. */
const noAccountsHash = `$argon2id$v=19$m=${cost.memoryCost},t=${cost.timeCost},p=${cost.parallelism}$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/** See {@link createPasswords}. */
export type Passwords = {
  /** The hash of a password, with salt and parameters (PHC string). @throws Unavailable when too many wait */
  hash(password: string, deadline: Deadline): Promise<string>;
  /** Whether a password is the one of this hash; `false` without a hash, after the same time. @throws Unavailable when too many wait */
  verify(stored: string | undefined, password: string, deadline: Deadline): Promise<boolean>;
};

/**
 * Creates the process's one place for hashing.
 * @param cores of this machine. Half of them hash at once, because two replicas of `users` usually share a machine. With more hashes at once
 * than cores each costs more CPU time, because they evict each other's 19 MiB from the CPU caches.
 */
export function createPasswords(cores = availableParallelism()): Passwords {
  const atOnce = Math.min(Math.max(1, Math.floor(cores / 2)), mostAtOnce);
  const maxWaiting = maxWaitingEach * atOnce;
  const waiting: (() => void)[] = [];
  let running = 0;

  async function inTurn<T>(deadline: Deadline, work: () => Promise<T>): Promise<T> {
    if (running >= atOnce) {
      if (waiting.length >= maxWaiting) throw new Unavailable('too many passwords wait to be checked');
      await new Promise<void>((resolve) => waiting.push(resolve)); // the hash that ends passes its place on
    } else running += 1;
    try {
      if (remainingMs(deadline) === 0) throw new Unavailable('there was no time left to check a password');
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  }

  return {
    hash: (password, deadline) => inTurn(deadline, () => hash(typed(password), cost)),
    verify: (stored, password, deadline) =>
      inTurn(deadline, async () => {
        const isRight = await verify(stored ?? noAccountsHash, typed(password));
        return isRight && stored !== undefined;
      }),
  };
}

/** The same characters may come composed or not, depending on the keyboard (NIST SP 800-63B §3.1.1.2). */
function typed(password: string): string {
  return password.normalize('NFKC');
}
