/** The Lua scripts as text: each opens with its contract, and touches only keys that were declared to it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { serviceNames } from '../../api/services.ts';

const api = fileURLToPath(new URL('../../api', import.meta.url));
const files = serviceNames.flatMap((service) => {
  const folder = join(api, service, 'lua');
  return readdirSync(folder).map((name) => [`${service}/${name}`, readFileSync(join(folder, name), 'utf8')] as const);
});

/** The names that a script gives to keys: `local a, b = KEYS[1], KEYS[2]`, and what a loop takes from KEYS. */
function namesOfKeys(source: string): Set<string> {
  const names = new Set<string>();
  for (const [, left = '', right = ''] of source.matchAll(/local ([\w, ]+) = (.*KEYS\[.*)/g)) {
    const values = right.split(/,(?![^[]*\])/).map((value) => value.trim());
    for (const [i, name] of left.split(',').entries())
      if (/^KEYS\[[^\]]+\]/.test(values[i] ?? '')) names.add(name.trim());
  }
  return names;
}

describe.each(files)('%s', (_name, source) => {
  test('opens with its contract', () => {
    const head = source.slice(0, source.search(/^(?!--)/m));
    const parts = ['-- KEYS:', '-- Reply:', ...(source.includes('ARGV[') ? ['-- ARGV:'] : [])];
    for (const part of parts) expect(head).toContain(part);
  });

  test('touches only keys that were declared to it', () => {
    const names = namesOfKeys(source);
    for (const [call, key = ''] of source.matchAll(/redis\.p?call\(\s*'\w+',\s*([^,)]+)/g)) {
      expect(/^KEYS\[/.test(key) || names.has(key.trim()), `${call}) names a key that is not from KEYS`).toBe(true);
    }
  });

  test('takes no time that grows with the shop: no command that walks a whole key space or a whole set', () => {
    expect(source).not.toMatch(/'(KEYS|SCAN|SMEMBERS|SORT|SUNION|ZUNION\w*|FLUSH\w+)'/i);
  });
});
