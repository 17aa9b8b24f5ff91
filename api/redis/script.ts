/** Lua scripts: a file each, behind the one prelude that they share. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A script as Redis knows it. */
export type Script = { readonly name: string; readonly source: string; readonly sha: string };

const prelude = readFileSync(new URL('./prelude.lua', import.meta.url), 'utf8');

/**
 * Loads a script.
 * @param file `new URL('./lua/name.lua', import.meta.url)`
 * @param whenFull `go-on` for what finishes, gives back or signs out: it also runs while Redis is at `maxmemory`, and needs next to none
 * @param locals Lua between the prelude and the file: see define-script.ts
 * @throws when the file cannot be read
 * @see https://redis.io/docs/latest/develop/programmability/lua-api/#script-flags
 */
export function loadScript(file: URL, whenFull: 'refuse' | 'go-on' = 'refuse', locals = ''): Script {
  const flags = whenFull === 'go-on' ? '#!lua flags=allow-oom\n' : '';
  const source = `${flags}${prelude}\n${locals}\n${readFileSync(file, 'utf8')}`;
  const name = file.pathname.split('/').slice(-3).join('/');
  return { name, source, sha: createHash('sha1').update(source).digest('hex') };
}

/**
 * Loads a read-only script: it stands alone, without the prelude, because it is sent in full with each call (EVAL_RO), so that a replica
 * which has just started can run it.
 * @param file `new URL('./lua/name.lua', import.meta.url)`
 * @see https://redis.io/docs/latest/commands/eval_ro/
 */
export function loadReadScript(file: URL): Pick<Script, 'name' | 'source'> {
  const source = readFileSync(file, 'utf8').replace(/^ *--.*\n/gm, '');
  return { name: file.pathname.split('/').slice(-3).join('/'), source };
}

/** A script's reply, decoded as far as all of them are alike (see prelude.lua). */
export type ScriptReply = { readonly replayed: boolean; readonly result: string; readonly fields: readonly string[] };

/**
 * Decodes a script's reply.
 * @returns `undefined` when the idempotency key belongs to another request
 */
export function decodeReply(reply: readonly string[]): ScriptReply | undefined {
  const [status, result = '', ...fields] = reply;
  return status === 'reused' ? undefined : { replayed: status === 'replayed', result, fields };
}
