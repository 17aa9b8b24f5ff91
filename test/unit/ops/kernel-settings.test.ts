/** What `npm start` says about kernel settings that Redis suffers from: one line each, with what to do. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { kernelWarnings } from '../../../ops/kernel-settings.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kernel-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Writes both settings as the kernel shows them. */
function set(overcommit: string, hugePages: string): void {
  mkdirSync(join(root, 'proc/sys/vm'), { recursive: true });
  mkdirSync(join(root, 'sys/kernel/mm/transparent_hugepage'), { recursive: true });
  writeFileSync(join(root, 'proc/sys/vm/overcommit_memory'), `${overcommit}\n`);
  writeFileSync(join(root, 'sys/kernel/mm/transparent_hugepage/enabled'), `${hugePages}\n`);
}

test('nothing where both are as Redis wants them', () => {
  set('1', 'always [madvise] never');
  expect(kernelWarnings(root)).toEqual([]);
});

test('both, each on one line with the command that changes it', () => {
  set('0', '[always] madvise never');
  const warnings = kernelWarnings(root);
  expect(warnings).toHaveLength(2);
  expect(warnings[0]).toContain('sysctl -w vm.overcommit_memory=1');
  expect(warnings[1]).toContain('echo madvise >/sys/kernel/mm/transparent_hugepage/enabled');
  for (const warning of warnings) expect(warning).not.toContain('\n');
});

test('nothing where the kernel shows neither (no Linux)', () => {
  expect(kernelWarnings(root)).toEqual([]);
});
