/** The Lua scripts as text: each is declared, opens with the contract that the declaration says, and touches only keys that it names. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

type Declared = { name: string; source: string; keys: readonly string[]; args: readonly string[] } & (
  | { replies: object }
  | { reply: readonly string[] }
);

const api = fileURLToPath(new URL('../../../api', import.meta.url));
const tree = readdirSync(api, { recursive: true, encoding: 'utf8' }).sort();

/** What a folder declares (api/redis/define-script.ts), by file. */
const declared = new Map<string, Declared>();
for (const folder of tree.filter((file) => basename(file) === 'scripts.ts').map(dirname)) {
  const { scripts, readScripts = {} } = (await import(`../../../api/${folder}/scripts.ts`)) as Record<
    string,
    Record<string, Declared>
  >;
  for (const script of Object.values({ ...scripts, ...readScripts })) declared.set(script.name, script);
}

/** Every Lua file that is a script; what is included before them stands outside of `lua/`. */
const files = tree.filter((file) => /\/lua\/[^/]+\.lua$/.test(file));

/** The names that a script gives to keys: `local a, b = KEYS[1], KEYS[2]`, and what a loop takes from KEYS. */
function localsOfKeys(source: string): Set<string> {
  const names = new Set<string>();
  for (const [, left = '', right = ''] of source.matchAll(/local ([\w, ]+) = (.*KEYS\[.*)/g)) {
    const values = right.split(/,(?![^[]*\])/).map((value) => value.trim());
    for (const [i, name] of left.split(',').entries())
      if (/^KEYS\[[^\]]+\]/.test(values[i] ?? '')) names.add(name.trim());
  }
  return names;
}

/** The names in a part of a head: `KEYS: record, product (explained), ...indexes`. */
function namesInHead(source: string, part: 'KEYS' | 'ARGV' | 'Reply'): string[] {
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

describe.each(files)('%s', (name) => {
  const text = readFileSync(join(api, name), 'utf8');
  const script = declared.get(name);
  if (script === undefined) {
    test('is declared', () => expect([...declared.keys()]).toContain(name));
    return;
  }
  const namedKeys = namesInHead(text, 'KEYS');
  const namedArgs = namesInHead(text, 'ARGV');

  test('has the keys and arguments of its declaration in its head', () => {
    const named = [...namedKeys, ...namedArgs].map((each) => (each.startsWith('...') ? `${each.slice(3)}From` : each));
    expect(script.source).toContain(`local ${named.join(', ')} = `);
    expect(namedKeys).toEqual(expect.arrayContaining([...script.keys]));
    expect(namedArgs).toEqual(expect.arrayContaining([...script.args]));
  });

  test('takes its keys and arguments by these names', () => {
    expect(text).not.toMatch(/(KEYS|ARGV)\[\d/);
  });

  test('has the replies of its declaration in its head, and replies each', () => {
    if ('reply' in script) {
      expect(namesInHead(text, 'Reply')).toEqual(script.reply);
      return;
    }
    expect(Object.fromEntries(repliesInHead(text))).toEqual(script.replies);
    const code = script.source.replace(/^--.*/gm, '');
    for (const result of Object.keys(script.replies)) expect(code).toContain(`'${result}'`);
  });

  test('touches only keys that were declared to it, or that begin with one', () => {
    for (const [call, key = ''] of text.matchAll(/redis\.p?call\(\s*'\w+',\s*([^,)]+)/g)) {
      const name = key.replace(/ \.\. \w+$/, '').trim();
      const isKey = /^KEYS\[/.test(key) || namedKeys.includes(name) || localsOfKeys(text).has(name);
      expect(isKey, `${call}) names a key that is not from KEYS`).toBe(true);
    }
  });

  test('takes no time that grows with the shop: no command that walks a whole key space, or a set whose size was not looked at', () => {
    const isBounded = text.indexOf("'SCARD'") >= 0 && /> maxOfWord then return/.test(text);
    expect(isBounded ? text.replace("'SMEMBERS'", '') : text).not.toMatch(
      /'(KEYS|SCAN|SMEMBERS|SORT|SUNION|ZUNION\w*|FLUSH\w+)'/i,
    );
  });
});

test('a read-only script is sent without comments, behind the functions that it includes', () => {
  const source = declared.get('products/lua/read-range.lua')?.source ?? '';
  const parts = ['local index, ', 'local function text_of_product(', 'text_of_product(product .. id)'];
  const places = parts.map((part) => source.indexOf(part));
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect(places).not.toContain(-1);
  expect(source).not.toMatch(/^ *--/m);
});
