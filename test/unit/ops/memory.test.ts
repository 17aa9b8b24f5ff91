/** Memory of a Redis container: what `maxmemory` needs in all. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

const inShell = (code: string) => execFileSync('sh', ['-euc', `. ops/memory.sh; ${code}`], { encoding: 'utf8' });

test.each([
  ['512mb', '536870912', '1536M'],
  ['1gb', '1073741824', '2560M'],
  ['600mb', '629145600', '1712M'],
])('%s', (size, bytes, limit) => {
  expect(inShell(`bytes_of ${size}`)).toBe(bytes);
  expect(inShell(`memory_limit_of ${size}`)).toBe(limit);
});

test.each(['1g', 'gb', '1 gb', '-1gb', '0x1gb', ''])('%j is no size', (size) => {
  expect(inShell(`bytes_of "${size}"`)).toBe('');
});
