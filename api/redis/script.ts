/** Lua scripts as Redis knows them: the file with what stands before it, and the SHA-1 by which EVALSHA names it. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A script as Redis knows it. */
export type Script = { readonly name: string; readonly source: string; readonly sha: string };

const prelude = readFileSync(new URL('./prelude.lua', import.meta.url), 'utf8');

/**
 * Loads a script that writes, behind the prelude that all of them share.
 * @param file `new URL('./lua/name.lua', import.meta.url)`
 * @param whenFull `go-on` for what finishes, gives back or signs out: it also runs while Redis is at `maxmemory`, and needs next to none
 * @param opening Lua between the prelude and the file: the names of keys and arguments (see define-script.ts)
 * @throws when the file cannot be read
 * @see https://redis.io/docs/latest/develop/programmability/lua-api/#script-flags
 */
export function loadScript(file: URL, whenFull: 'refuse' | 'go-on' = 'refuse', opening = ''): Script {
  const flags = whenFull === 'go-on' ? '#!lua flags=allow-oom\n' : '';
  const source = `${flags}${prelude}\n${opening}\n${readFileSync(file, 'utf8')}`;
  return { name: nameOf(file), source, sha: createHash('sha1').update(source).digest('hex') };
}

/**
 * Loads a read-only script: it stands alone, without the prelude, because it is sent in full with each call (EVAL_RO), so that a replica
 * which has just started can run it.
 * @param file `new URL('./lua/name.lua', import.meta.url)`
 * @param opening see {@link loadScript}
 * @see https://redis.io/docs/latest/commands/eval_ro/
 */
export function loadReadScript(file: URL, opening: string): Pick<Script, 'name' | 'source'> {
  const source = `${opening}\n${readFileSync(file, 'utf8')}`;
  return { name: nameOf(file), source: source.replace(/^ *--.*\n/gm, '') };
}

function nameOf(file: URL): string {
  return file.pathname.split('/').slice(-3).join('/');
}
