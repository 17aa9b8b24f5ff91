/**
 * Users in Redis. Answers that are stored under an Idempotency-Key hold names and addresses, so they are sealed with a key of the
 * user's own: with the user they become unreadable, wherever they are.
 */
import { type Deadline, shopTimeMs } from '../core/clock.ts';
import type { Refusal } from '../core/outcome.ts';
import { isRefusal } from '../core/outcome.ts';
import type { Page } from '../core/page.ts';
import type { Consistency, RequestContext } from '../core/request.ts';
import { runKeyed } from '../redis/keyed.ts';
import type { ShopRedis } from '../redis/open.ts';
import { loadScript, type ScriptReply } from '../redis/script.ts';
import { adminsKey, emailKey, knownAddressesKey, knownAddressMs, listKey, sessionsKey, userKey } from './keys.ts';
import type { Before, Created, FirstAdmin, NewPassword, PasswordSet, Removed, Saved, Undone } from './outcomes.ts';
import { type Account, account, type Changes, type User, user } from './schema.ts';
import { seal, unseal } from './sealed.ts';

const scripts = {
  create: loadScript(new URL('./lua/create.lua', import.meta.url)),
  firstAdmin: loadScript(new URL('./lua/first-admin.lua', import.meta.url)),
  update: loadScript(new URL('./lua/update.lua', import.meta.url)),
  remove: loadScript(new URL('./lua/delete.lua', import.meta.url), 'go-on'),
  password: loadScript(new URL('./lua/password.lua', import.meta.url), 'go-on'),
};

/** The part of a user that can change. */
const changing = user.omit({ id: true, email: true, createdAtMs: true });

/** See {@link openUserStore}. Everything throws Unavailable when it is not certain before the deadline. */
export type UserStore = {
  find(id: string, consistency: Consistency, deadline: Deadline): Promise<Account | undefined>;
  /**
   * The user who wants to sign in, and whether that user has signed in from this address of late. Does as much where there is no such user.
   * @param addressHash as given to `SessionStore.begin`
   */
  findForSignIn(
    email: string,
    addressHash: string,
    deadline: Deadline,
  ): Promise<{ readonly account: Account | undefined; readonly isKnownAddress: boolean }>;
  /** Newest first, after the user with the id `after`. `last` is where the next page begins, `undefined` on the last one. */
  page(after: string | undefined, limit: number, context: RequestContext): Promise<Page<Account>>;
  hasAdmin(deadline: Deadline): Promise<boolean>;
  create(made: Account, context: RequestContext): Promise<Created | Refusal>;
  createFirstAdmin(made: Account, requestId: string, deadline: Deadline): Promise<FirstAdmin>;
  /**
   * @param next what the user shall be; `undefined` exactly if none was read
   * @param wish the fields that the request names: a repetition names the same, so they are not stored with its answer
   */
  save(before: Before, next: User | undefined, wish: Changes, context: RequestContext): Promise<Saved | Refusal>;
  /** @param sessionId the sign-in that must still go on for this, if any */
  remove(before: Before, sessionId: string | undefined, context: RequestContext): Promise<Removed | Refusal>;
  /** @param sessionId the sign-in that stays */
  setPassword(
    before: Before,
    next: NewPassword,
    sessionId: string,
    context: RequestContext,
  ): Promise<PasswordSet | Refusal>;
};

/** Opens the store of users. */
export function openUserStore({ reads, writes }: Pick<ShopRedis, 'reads' | 'writes'>): UserStore {
  async function find(id: string, consistency: Consistency, deadline: Deadline) {
    const [found] = await reads.query(consistency, (pipeline) => pipeline.hgetall(userKey(id)), deadline);
    return accountOf(found);
  }

  return {
    find,
    async findForSignIn(email, addressHash, deadline) {
      const [found] = await reads.query('read-your-writes', (pipeline) => pipeline.get(emailKey(email)), deadline);
      const id = typeof found === 'string' ? found : 'no-such-user';
      const [fields, lastSignInMs] = await reads.query(
        'read-your-writes',
        (pipeline) => pipeline.hgetall(userKey(id)).zscore(knownAddressesKey(id), addressHash),
        deadline,
      );
      const isKnownAddress = lastSignInMs !== null && Number(lastSignInMs) > shopTimeMs() - knownAddressMs;
      return { account: accountOf(fields), isKnownAddress };
    },
    async page(after, limit, { consistency, deadline }) {
      const from = after === undefined ? '+' : `(${after}`;
      const [listed] = await reads.query(
        consistency,
        (pipeline) => pipeline.zrange(listKey, from, '-', 'BYLEX', 'REV', 'LIMIT', 0, limit + 1),
        deadline,
      );
      const ids = (listed as string[]).slice(0, limit);
      const last = (listed as string[]).length > limit ? ids.at(-1) : undefined;
      if (ids.length === 0) return { items: [], last };
      const fill = (pipeline: Parameters<Parameters<typeof reads.query>[1]>[0]) => {
        for (const id of ids) pipeline.hgetall(userKey(id));
      };
      const found = await reads.query(consistency, fill, deadline);
      return { items: found.map(accountOf).filter((each) => each !== undefined), last };
    },
    async hasAdmin(deadline) {
      const [count] = await reads.query('read-your-writes', (pipeline) => pipeline.scard(adminsKey), deadline);
      return Number(count) > 0;
    },

    async create(made, context) {
      const keys = [userKey(made.id), emailKey(made.email), listKey, adminsKey];
      const args = [made.id, made.role, made.passwordHash, ...fieldsOf(made)];
      const reply = await runKeyed(writes, 'users', scripts.create, keys, args, context);
      if (isRefusal(reply)) return reply;
      const { result, replayed, fields } = reply;
      const passwordHash = fields.at(-1) ?? '';
      if (result === 'taken') return { kind: 'taken', replayed, passwordHash };
      if (result !== 'created') throw unknownResult(reply);
      const [id = ''] = fields;
      const keeper = id === made.id ? made : await find(id, 'read-your-writes', context.deadline);
      if (keeper === undefined) return { kind: 'gone', passwordHash };
      // A repetition has the same body, so what it names needs no storing.
      const { createdAtMs } = keeper;
      const first = user.parse({ ...made, id, createdAtMs, updatedAtMs: createdAtMs });
      return { kind: 'created', user: first, replayed, passwordHash };
    },
    async createFirstAdmin(made, requestId, deadline) {
      const keys = ['{users}:events', userKey(made.id), emailKey(made.email), listKey, adminsKey];
      const args = [requestId, made.id, ...fieldsOf(made)];
      const [, result] = await writes.run(scripts.firstAdmin, keys, args, deadline);
      if (result === 'created' || result === 'there-is-one' || result === 'taken') return result;
      throw unknownResult({ result: String(result) });
    },

    async save(before, next, wish, context) {
      const { id, read } = before;
      const sealed = read === undefined || next === undefined ? '' : sealUser(read, next, wish);
      const values = [next?.firstName, next?.lastName, next?.role, next?.updatedAtMs, next?.version];
      const reply = await runKeyed(
        writes,
        'users',
        scripts.update,
        [userKey(id), adminsKey],
        [
          id,
          versionOf(read),
          conditionOf(before),
          ...values.map((value) => value ?? ''),
          sealed,
          ownSession(id, context),
        ],
        context,
      );
      if (isRefusal(reply)) return reply;
      const { result, replayed, fields } = reply;
      if (result === 'last-admin') return { kind: result, replayed };
      if (result !== 'saved') return undone(reply);
      return read === undefined
        ? { kind: 'gone' }
        : { kind: result, user: unsealUser(read, wish, fields[0] ?? ''), replayed };
    },
    async remove(before, sessionId, context) {
      const { id, read } = before;
      const keys = [
        userKey(id),
        emailKey(read?.email ?? ''),
        listKey,
        adminsKey,
        sessionsKey(id),
        knownAddressesKey(id),
      ];
      const args = [id, versionOf(read), conditionOf(before), sessionId ?? '', ownSession(id, context)];
      const reply = await runKeyed(writes, 'users', scripts.remove, keys, args, context);
      if (isRefusal(reply)) return reply;
      const { result, replayed } = reply;
      if (result === 'deleted' || result === 'last-admin') return { kind: result, replayed };
      return result === 'ended' ? { kind: result } : undone(reply);
    },
    async setPassword(before, next, sessionId, context) {
      const { id, read } = before;
      const verdict = before.stale ? 'stale' : typeof next === 'string' ? next : 'ok';
      const hash = typeof next === 'string' ? '' : next.hash;
      const reply = await runKeyed(
        writes,
        'users',
        scripts.password,
        [userKey(id), sessionsKey(id)],
        [id, versionOf(read), read?.passwordHash ?? '', verdict, hash, sessionId],
        context,
      );
      if (isRefusal(reply)) return reply;
      const { result, replayed, fields } = reply;
      const [oldHash = '', newHash = ''] = fields;
      if (result === 'set') return { kind: result, replayed, oldHash, newHash };
      return result === 'wrong' || result === 'weak' ? { kind: result } : undone(reply);
    },
  };
}

/** The caller's sign-in if the user is the caller: a change may take from it the right to ask again. */
function ownSession(userId: string, { caller }: RequestContext): string {
  return caller.kind === 'user' && caller.userId === userId ? caller.sessionId : '';
}

function undone(reply: ScriptReply): Undone {
  const { result } = reply;
  if (result === 'missing' || result === 'conflict' || result === 'stale') return { kind: result };
  throw unknownResult(reply);
}

function unknownResult({ result }: Pick<ScriptReply, 'result'>): Error {
  return new Error(`a script replied '${result}', which its caller does not know`);
}

function accountOf(fields: unknown): Account | undefined {
  const hash = fields as Record<string, string>;
  return hash.id === undefined ? undefined : account.parse(hash);
}

function fieldsOf(made: Account): (string | number)[] {
  return Object.entries(account.parse(made)).flat();
}

/** Seals what an answer said of a user, without what never changes of a user and without what the request names. */
function sealUser({ recordKey }: Account, answered: User, wish: Changes): string {
  const rest = Object.entries(changing.parse(answered)).filter(([name]) => !(name in wish));
  return seal(Buffer.from(recordKey, 'base64url'), JSON.stringify(Object.fromEntries(rest)));
}

/** The user as an answer to this wish said it; an older version sealed the whole user. */
function unsealUser(keeper: Account, wish: Changes, sealed: string): User {
  const rest: unknown = JSON.parse(unseal(Buffer.from(keeper.recordKey, 'base64url'), sealed));
  return user.parse({ ...keeper, ...wish, ...changing.partial().parse(rest) });
}

function versionOf(read: Account | undefined): string {
  return read === undefined ? '' : String(read.version);
}

function conditionOf({ stale }: Before): 'ok' | 'stale' {
  return stale ? 'stale' : 'ok';
}
