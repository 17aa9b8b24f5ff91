/**
 * A Lua script, declared once: its keys, arguments and replies by name. The script finds its keys and arguments in locals of these names,
 * callers pass objects, replies come back as a union told apart by `result`. test/unit/scripts.test.ts compares the head of each Lua file
 * with its declaration.
 */
import { readFileSync } from 'node:fs';
import type { Deadline } from '../core/clock.ts';
import { isRefusal, type Refusal } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import { keyReused, runKeyed } from './keyed.ts';
import { decodeReply, loadScript, type Script, type ScriptReply } from './script.ts';
import type { Writes } from './writes.ts';

/** Names in their order; the last may be `...name`, a list of any length. */
type Names = readonly string[];
type Replies = Readonly<Record<string, Names>>;

type Single<N extends Names> = Exclude<N[number], `...${string}`>;
type Rest<N extends Names> = N[number] extends infer Name ? (Name extends `...${infer R}` ? R : never) : never;
type Values<N extends Names, V> = { readonly [K in Single<N>]: V } & { readonly [K in Rest<N>]: readonly V[] };

/** A script with its declaration. */
export type DeclaredScript<K extends Names = Names, A extends Names = Names, R extends Replies = Replies> = Script & {
  readonly keys: K;
  readonly args: A;
  readonly replies: R;
  /** Results of earlier versions that may still be stored under a key, and what they are called now. */
  readonly olderResults: Readonly<Record<string, string>>;
};

/** What a script is called with. */
export type Call<K extends Names, A extends Names> = {
  readonly keys: Values<K, string>;
  readonly args: Values<A, string | number>;
};

/** A script's reply: `result` and the fields declared for it. */
export type Reply<R extends Replies> = {
  [Result in keyof R & string]: { readonly result: Result; readonly replayed: boolean } & Values<R[Result], string>;
}[keyof R & string];

type Declaration<K extends Names, A extends Names, R extends Replies> = {
  readonly keys: K;
  readonly args: A;
  readonly replies: R;
  /** See {@link loadScript}. */
  readonly whenFull?: 'go-on';
  readonly olderResults?: Readonly<Record<string, string>>;
  /** A file of Lua functions before the script, for what several scripts of a service share. It may use the names of keys and arguments. */
  readonly include?: URL;
};

/** What {@link runKeyed} passes before the keys and arguments of a script's own. */
const keyedKeys = ['record', 'stream'];
const keyedArgs = ['fingerprint', 'nonce', 'lifetime', 'request'];

/** Declares a script that stands alone. @param file `new URL('./lua/name.lua', import.meta.url)` */
export function defineScript<const K extends Names, const A extends Names, const R extends Replies>(
  file: URL,
  declaration: Declaration<K, A, R>,
): DeclaredScript<K, A, R> {
  const locals = openingOf(declaration, declaration.keys, declaration.args);
  return { olderResults: {}, ...declaration, ...loadScript(file, declaration.whenFull, locals) };
}

/** Declares a script of a write under an Idempotency-Key: `record`, `stream`, `fingerprint`, `nonce`, `lifetime` and `request` come first. */
export function defineKeyedScript<const K extends Names, const A extends Names, const R extends Replies>(
  file: URL,
  declaration: Declaration<K, A, R>,
): DeclaredScript<K, A, R> {
  const locals = openingOf(declaration, [...keyedKeys, ...declaration.keys], [...keyedArgs, ...declaration.args]);
  return { olderResults: {}, ...declaration, ...loadScript(file, declaration.whenFull, locals) };
}

function openingOf({ include }: { readonly include?: URL }, keys: Names, args: Names): string {
  const included = include === undefined ? '' : `\n${readFileSync(include, 'utf8')}`;
  return localsOf(keys, args) + included;
}

/**
 * The line of Lua that names keys and arguments. Of a list it names the position of its first member: `indexesFrom`.
 * @example local record, indexesFrom, id = KEYS[1], 2, ARGV[1]
 */
function localsOf(keys: Names, args: Names): string {
  const named = [...keys.map((name, i) => local(name, i, 'KEYS')), ...args.map((name, i) => local(name, i, 'ARGV'))];
  return `local ${named.map(([name]) => name).join(', ')} = ${named.map(([, value]) => value).join(', ')}`;
}

function local(name: string, index: number, table: string): [string, string] {
  return name.startsWith('...') ? [`${name.slice(3)}From`, String(index + 1)] : [name, `${table}[${index + 1}]`];
}

/**
 * Runs a script of a write under the request's Idempotency-Key; see {@link runKeyed}.
 * @returns its reply, or the refusal of a key that was used for another body
 * @throws Unavailable when it is not certain before the deadline
 */
export async function runKeyedScript<K extends Names, A extends Names, R extends Replies>(
  writes: Writes,
  service: string,
  script: DeclaredScript<K, A, R>,
  { keys, args }: Call<K, A>,
  context: RequestContext,
  part = '',
): Promise<Reply<R> | Refusal> {
  const ownKeys = inOrder<string>(script.keys, keys);
  const ownArgs = inOrder<string | number>(script.args, args);
  const reply = await runKeyed(writes, service, script, ownKeys, ownArgs, context, part);
  return isRefusal(reply) ? reply : parseReply(script, reply);
}

/** Runs a script that stands alone. @throws Unavailable when it is not certain before the deadline */
export async function runScript<K extends Names, A extends Names, R extends Replies>(
  writes: Writes,
  script: DeclaredScript<K, A, R>,
  { keys, args }: Call<K, A>,
  deadline: Deadline,
): Promise<Reply<R>> {
  const allKeys = inOrder<string>(script.keys, keys);
  const allArgs = inOrder<string | number>(script.args, args);
  const reply = decodeReply(await writes.run(script, allKeys, allArgs, deadline));
  if (reply === undefined) throw new Error(`${script.name}: ${keyReused().detail}`);
  return parseReply(script, reply);
}

/** A reply with its fields by name. @throws when the script does not declare its result */
export function parseReply<K extends Names, A extends Names, R extends Replies>(
  script: DeclaredScript<K, A, R>,
  { result: stored, replayed, fields }: ScriptReply,
): Reply<R> {
  const result = script.olderResults[stored] ?? stored;
  const names = script.replies[result];
  if (names === undefined) throw new Error(`${script.name} replied '${stored}'`);
  const named = names.map((name, i) =>
    name.startsWith('...') ? [name.slice(3), fields.slice(i)] : [name, fields[i] ?? ''],
  );
  return { result, replayed, ...Object.fromEntries(named) } as Reply<R>;
}

function inOrder<V>(names: Names, values: object): V[] {
  const byName = values as Readonly<Record<string, V & readonly V[]>>;
  return names.flatMap((name) => (name.startsWith('...') ? byName[name.slice(3)] : byName[name]) ?? []);
}
