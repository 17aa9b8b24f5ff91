/** The Lua scripts as text: each opens with its contract, and touches only keys that were declared to it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { serviceNames } from '../../api/services.ts';

type Declared = { name: string; source: string; keys: readonly string[]; args: readonly string[]; replies: object };

/** The scripts that a service declares (api/redis/define-script.ts), by file. */
const declared = new Map<string, Declared>();
for (const service of serviceNames) {
  if (!existsSync(new URL(`../../api/${service}/scripts.ts`, import.meta.url))) continue;
  const { scripts } = (await import(`../../api/${service}/scripts.ts`)) as { scripts: Record<string, Declared> };
  for (const script of Object.values(scripts)) declared.set(script.name.replace('/lua/', '/'), script);
}

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

/** The names in a part of a head: `KEYS: record, product (explained), ...indexes`. */
function namesInHead(source: string, part: 'KEYS' | 'ARGV'): string[] {
  const [, text = ''] = new RegExp(`^-- ${part}:((?:.*\n--  )*.*)`, 'm').exec(source) ?? [];
  const names = text
    .replace(/\n--/g, '')
    .replace(/\([^)]*\)/g, '')
    .split(',');
  return names.map((name) => name.trim()).filter((name) => name !== '');
}

/** The head's reply as declared: `created (id, at) | deleted | conflict: why`. */
function repliesInHead(source: string): [string, string[]][] {
  const [, text = ''] = /^-- Reply:((?:.*\n-- +\|)*.*)/m.exec(source) ?? [];
  return text
    .replace(/\n--/g, '')
    .split('|')
    .map((reply) => {
      const [, result = '', fields = ''] = /^\s*([\w-]+)(?: \(([^)]*)\))?/.exec(reply) ?? [];
      return [result, fields === '' ? [] : fields.split(', ')] as [string, string[]];
    });
}

describe.each([...declared])('%s is called as its head says', (name, { source, keys, args, replies }) => {
  const [, text = ''] = files.find(([file]) => file === name) ?? [];
  // The line before the file: the locals that the declaration makes.

  test('keys and arguments', () => {
    const inHead = [...namesInHead(text, 'KEYS'), ...namesInHead(text, 'ARGV')];
    const named = inHead.map((each) => (each.startsWith('...') ? `${each.slice(3)}From` : each));
    expect(source).toContain(`\nlocal ${named.join(', ')} = `);
    expect(inHead).toEqual(expect.arrayContaining([...keys, ...args]));
  });

  test('replies', () => {
    expect(Object.fromEntries(repliesInHead(text))).toEqual(replies);
  });

  test('every declared result is one that the script replies', () => {
    const code = source.replace(/^--.*/gm, '');
    for (const result of Object.keys(replies)) expect(code).toContain(`'${result}'`);
  });
});

describe.each(files)('%s', (name, source) => {
  test('opens with its contract', () => {
    const head = source.slice(0, source.search(/^(?!--)/m));
    const takesArguments = source.includes('ARGV[') || (declared.get(name)?.args.length ?? 0) > 0;
    const parts = ['-- KEYS:', '-- Reply:', ...(takesArguments ? ['-- ARGV:'] : [])];
    for (const part of parts) expect(head).toContain(part);
  });

  test('touches only keys that were declared to it', () => {
    const names = new Set([...namesOfKeys(source), ...(declared.has(name) ? namesInHead(source, 'KEYS') : [])]);
    for (const [call, key = ''] of source.matchAll(/redis\.p?call\(\s*'\w+',\s*([^,)]+)/g)) {
      expect(/^KEYS\[/.test(key) || names.has(key.trim()), `${call}) names a key that is not from KEYS`).toBe(true);
    }
  });

  test('takes no time that grows with the shop: no command that walks a whole key space or a whole set', () => {
    expect(source).not.toMatch(/'(KEYS|SCAN|SMEMBERS|SORT|SUNION|ZUNION\w*|FLUSH\w+)'/i);
  });
});
