/**
 * Shops that are broken on purpose, to show that the checker finds it: their services run from a copy of `api/` in which a line is
 * changed. The shop itself has no switch for any of it.
 */
import { randomUUID } from 'node:crypto';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compiledProgram, compilePrograms } from '../../../ops/compile.mjs';
import type { ProcessSpec } from '../../../ops/local/spec.ts';
import { projectDir } from '../cluster.ts';

/** A change of a file below `api/`. */
export type Patch = { readonly file: string; readonly from: string; readonly to: string };

/** The code of a broken shop, and what makes a topology run it. */
export type PatchedApi = { rewire(specs: ProcessSpec[]): ProcessSpec[]; remove(): void };

/**
 * Copies `api/` and changes it. The copy lies inside the project, so that it finds the same packages.
 * @throws when `from` does not occur exactly once: the code has moved on and the patch must follow
 */
export async function patchApi(patches: readonly Patch[]): Promise<PatchedApi> {
  const dir = join(projectDir, '.shop', `patched-${randomUUID().slice(0, 8)}`);
  cpSync(join(projectDir, 'api'), join(dir, 'api'), { recursive: true });
  for (const { file, from, to } of patches) {
    const path = join(dir, 'api', file);
    const before = readFileSync(path, 'utf8');
    const found = before.split(from).length - 1;
    if (found !== 1) throw new Error(`${file} holds '${from}' ${found} times, not once`);
    writeFileSync(
      path,
      before.replace(from, () => to),
    );
  }
  const compiled = await compilePrograms(dir);
  return {
    rewire: (specs) =>
      specs.map((spec) => ({
        ...spec,
        command: spec.command.map((word) => (word === 'api/main.ts' ? compiledProgram(compiled, word) : word)),
      })),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** Acknowledges what one replica has, whatever the Sentinels say: a plain `WAIT 1`. */
export const plainWait: readonly Patch[] = [
  {
    file: 'redis/sentinels/durability.ts',
    from: "if (answers.length < 2) return doubt('too-few-sentinels');",
    to: 'if (confirmed.size > 0) return { durable: true };',
  },
];

/**
 * The rule before 21 November 2026: a write that one replica has is acknowledged while no Sentinel has noticed anything. A cut that hides
 * the other replica from the master, and the master from the Sentinels, is noticed a second later.
 */
export const untilNoticed: readonly Patch[] = [
  {
    file: 'redis/sentinels/durability.ts',
    from: "if (answers.length < 2) return doubt('too-few-sentinels');",
    to: `const silent = evidence.sentinels.length - answers.length;
  const noticed = ['s_down', 'o_down', 'force_failover', 'failover_in_progress'];
  const isCalm = answers.every(
    (answer) =>
      answer.master === master &&
      !noticed.some((flag) => answer.masterFlags.has(flag)) &&
      answer.peers.filter((peer) => peer.flags.has('s_down')).length >= silent,
  );
  if (answers.length < 2 || !isCalm) return doubt('too-few-sentinels');
  return { durable: true };`,
  },
];

/** Acknowledges what the master alone has. */
export const withoutWait: readonly Patch[] = [
  {
    file: 'redis/writes/confirmations.ts',
    from: "if (replicas.length > 0 && reply.confirmations >= replicas.length) return 'all';",
    to: "return 'all';",
  },
];

/** Forgets what an Idempotency-Key was used for. */
export const withoutDeduplication: readonly Patch[] = [
  { file: 'redis/prelude.lua', from: 'if not found[1] then return nil end', to: 'do return nil end' },
];

/** Accepts access tokens of sign-ins that have ended. */
export const withoutRevocation: readonly Patch[] = [
  {
    file: 'http/sessions.ts',
    from: "if (ended.has(sessionId) || deleted.has(userId)) return { state: 'ended' };",
    to: '',
  },
];

/** Looks at the stock first and takes it afterwards, in two steps. */
export const checkThenTake: readonly Patch[] = [
  {
    file: 'products/lua/reserve.lua',
    from: 'elseif tonumber(product[2]) < tonumber(quantity) then',
    to: 'elseif false then',
  },
  {
    file: 'products/store-reservations.ts',
    from: 'const reply = await runScript(redis.writes, scripts.reserve, { keys, args }, deadline);',
    to: `const left = await redis.reads.query('read-your-writes', (p) => wanted.map((w) => p.hget(productKey(w.productId), 'stock')), deadline);
      const short = wanted.map((w, i) => ({ productId: w.productId, requested: w.quantity, available: Number(left[i]) }));
      if (short.some((w) => w.available < w.requested)) return { result: 'sold-out', items: short };
      await new Promise((resolve) => setTimeout(resolve, 400));
      const reply = await runScript(redis.writes, scripts.reserve, { keys, args }, deadline);`,
  },
];
