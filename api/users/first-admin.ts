/** The first admin: created at start from the settings if there is no admin at all. */
import type { Logger } from 'pino';
import { deadlineIn, monotonicMs, pause } from '../core/clock.ts';
import { newId } from '../core/ids.ts';
import type { Passwords } from './passwords.ts';
import { newAccount } from './service.ts';
import type { UserSettings } from './settings.ts';
import type { FirstAdmin, UserWrites } from './store.ts';
import type { UserReads } from './store-reads.ts';
import { weaknessOf } from './weak-passwords.ts';

type Outcome = FirstAdmin | 'not-configured' | 'weak-password';

const attemptMs = 5000;
const longestPauseMs = 5000;

/**
 * Tries until it is known that there is an admin, or that the settings allow none. Several replicas at the same time create one admin.
 * @param settings without an address or a password none is created
 * @returns `isSettled`: whether that is known, or could not be found out for 5 s: the service is not kept unready by an outage of Redis
 */
export function ensureFirstAdmin(
  { ADMIN_EMAIL: email, ADMIN_PASSWORD: password }: Pick<UserSettings, 'ADMIN_EMAIL' | 'ADMIN_PASSWORD'>,
  store: Pick<UserReads, 'hasAdmin'> & Pick<UserWrites, 'createFirstAdmin'>,
  passwords: Pick<Passwords, 'hash'>,
  log: Logger,
): { isSettled(): boolean; stop(): void } {
  let stopped = false;
  let settled = false;
  const startedMs = monotonicMs();

  async function attempt(): Promise<Outcome> {
    const deadline = deadlineIn(attemptMs);
    if (await store.hasAdmin(deadline)) return 'there-is-one';
    if (email === undefined || password === undefined) return 'not-configured';
    if (weaknessOf(password) !== undefined) return 'weak-password';
    const passwordHash = await passwords.hash(password, deadline);
    const person = { email, firstName: 'First', lastName: 'Admin', role: 'admin', passwordHash } as const;
    return store.createFirstAdmin(newAccount(person), newId(), deadline);
  }

  async function ensure() {
    for (let pauseMs = 200; !stopped; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      try {
        report(await attempt());
        settled = true;
        return;
      } catch (error) {
        // The Sentinels of a shop that has just been started may need a moment longer than this process.
        settled = monotonicMs() - startedMs >= attemptMs;
        log.warn({ reason: String(error) }, 'could not find out whether there is an admin; trying again');
        await pause(pauseMs);
      }
    }
  }

  function report(outcome: Outcome) {
    if (outcome === 'created') log.info('created the first admin from ADMIN_EMAIL and ADMIN_PASSWORD');
    else if (outcome === 'not-configured')
      log.warn('there is no admin: set ADMIN_EMAIL and ADMIN_PASSWORD and restart users');
    else if (outcome === 'weak-password') {
      log.error(
        'there is no admin: ADMIN_PASSWORD is common, a repeated block or a sequence; set another and restart users',
      );
    } else if (outcome === 'taken') {
      // A customer who signed up with this address first must not become admin by that.
      log.error(
        'there is no admin: ADMIN_EMAIL belongs to a customer, who is not promoted; set another address and restart users',
      );
    }
  }

  void ensure();
  return {
    isSettled: () => settled,
    stop() {
      stopped = true;
    },
  };
}
