/**
 * A Lua script, declared once: its keys, arguments and replies by name. The script finds its keys and arguments in locals of these names,
 * callers pass objects, replies come back as a union discriminated by `result`. test/unit/redis/scripts.test.ts compares the head of each Lua file
 * with its declaration. run-script.ts and send-script.ts run declared scripts.
 */
import { readFileSync } from 'node:fs';
import { loadReadScript, loadScript, type Script } from './script.ts';

/** Names in their order; the last may be `...name`, a list of any length. */
export type Names = readonly string[];
/** Results, and the names of the fields of each. */
export type Replies = Readonly<Record<string, Names>>;

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

/** A read-only script with its declaration; its reply is one list, of the values named in `reply`. */
export type ReadScript<K extends Names = Names, A extends Names = Names, R extends Names = Names> = Pick<
  Script,
  'name' | 'source'
> & { readonly keys: K; readonly args: A; readonly reply: R };

/** What a script is called with. */
export type Call<K extends Names, A extends Names> = {
  readonly keys: Values<K, string>;
  readonly args: Values<A, string | number>;
};

/** A script's reply: `result` and the fields declared for it. */
export type Reply<R extends Replies> = {
  [Result in keyof R & string]: { readonly result: Result; readonly replayed: boolean } & Values<R[Result], string>;
}[keyof R & string];

/** A script's reply, decoded as far as all of them are alike (see prelude.lua). */
export type ScriptReply = { readonly replayed: boolean; readonly result: string; readonly fields: readonly string[] };

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

/** The keys and arguments that come first in every write under an Idempotency-Key (see keyed.ts). */
const keyedKeys = ['record', 'stream'];
const keyedArgs = ['fingerprint', 'nonce', 'lifetime', 'request'];

/** Declares a script that stands alone. @param file `new URL('./lua/name.lua', import.meta.url)` */
export function defineScript<const K extends Names, const A extends Names, const R extends Replies>(
  file: URL,
  declaration: Declaration<K, A, R>,
): DeclaredScript<K, A, R> {
  const opening = openingOf(declaration, declaration.keys, declaration.args);
  return { olderResults: {}, ...declaration, ...loadScript(file, declaration.whenFull, opening) };
}

/** Declares a script of a write under an Idempotency-Key: `record`, `stream`, `fingerprint`, `nonce`, `lifetime` and `request` come first. */
export function defineKeyedScript<const K extends Names, const A extends Names, const R extends Replies>(
  file: URL,
  declaration: Declaration<K, A, R>,
): DeclaredScript<K, A, R> {
  const opening = openingOf(declaration, [...keyedKeys, ...declaration.keys], [...keyedArgs, ...declaration.args]);
  return { olderResults: {}, ...declaration, ...loadScript(file, declaration.whenFull, opening) };
}

/** Declares a read-only script, which runs on a replica (EVAL_RO). */
export function defineReadScript<const K extends Names, const A extends Names, const R extends Names>(
  file: URL,
  declaration: { readonly keys: K; readonly args: A; readonly reply: R; readonly include?: URL },
): ReadScript<K, A, R> {
  return { ...declaration, ...loadReadScript(file, openingOf(declaration, declaration.keys, declaration.args)) };
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

/** A call's keys and arguments as Redis takes them: two lists, in the declared order. */
export function positionsOf<K extends Names, A extends Names>(
  script: { readonly keys: K; readonly args: A },
  { keys, args }: Call<K, A>,
): { keys: string[]; args: (string | number)[] } {
  return { keys: inOrder<string>(script.keys, keys), args: inOrder<string | number>(script.args, args) };
}

/** A loop: `flatMap` takes four times as long, and each purchase has six such lists. */
function inOrder<V>(names: Names, values: object): V[] {
  const byName = values as Readonly<Record<string, V & readonly V[]>>;
  const ordered: V[] = [];
  for (const name of names) {
    if (name.startsWith('...')) ordered.push(...(byName[name.slice(3)] ?? []));
    else {
      const value = byName[name];
      if (value !== undefined) ordered.push(value);
    }
  }
  return ordered;
}

/**
 * Decodes what all replies have in common.
 * @returns `undefined` when the idempotency key belongs to another request
 */
export function decodeReply(reply: readonly string[]): ScriptReply | undefined {
  const [status, result = '', ...fields] = reply;
  return status === 'reused' ? undefined : { replayed: status === 'replayed', result, fields };
}

/** A reply with its fields by name. @throws when the script does not declare its result */
export function parseReply<K extends Names, A extends Names, R extends Replies>(
  script: DeclaredScript<K, A, R>,
  { result: stored, replayed, fields }: ScriptReply,
): Reply<R> {
  const result = script.olderResults[stored] ?? stored;
  const names = script.replies[result];
  if (names === undefined) throw new Error(`${script.name} replied '${stored}'`);
  return { result, replayed, ...byName(names, fields) } as unknown as Reply<R>;
}

/** The reply of a script without an Idempotency-Key, as Redis sent it, with its fields by name. @throws as {@link parseReply} */
export function parseRawReply<K extends Names, A extends Names, R extends Replies>(
  script: DeclaredScript<K, A, R>,
  reply: readonly string[],
): Reply<R> {
  const decoded = decodeReply(reply);
  if (decoded === undefined) throw new Error(`${script.name} replied 'reused'`);
  return parseReply(script, decoded);
}

/** The reply of a read-only script by name; the caller knows the types of the values. */
export function parseReadReply<K extends Names, A extends Names, R extends Names>(
  { reply: names }: ReadScript<K, A, R>,
  reply: unknown,
): Values<R, unknown> {
  return byName(names, reply as readonly unknown[]) as Values<R, unknown>;
}

function byName(names: Names, values: readonly unknown[]): Record<string, unknown> {
  const named = names.map((name, i) =>
    name.startsWith('...') ? [name.slice(3), values.slice(i)] : [name, values[i] ?? ''],
  );
  return Object.fromEntries(named);
}
