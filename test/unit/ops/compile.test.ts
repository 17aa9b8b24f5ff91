/** The programs as `npm start` runs them: compiled once, and again when a source has changed. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { compiledFolder, compiledProgram, compilePrograms } from '../../../ops/compile.mjs';

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'compile-')));
  write('package.json', '{ "type": "module" }');
  write(
    'api/main.ts',
    `import { greeting } from './part.ts';
const name: string = process.argv[2] ?? '';
if (name === 'throw') throw new Error('on line 3');
console.log(greeting(name));
`,
  );
  write(
    'api/part.ts',
    `import { readFileSync } from 'node:fs';
const text = readFileSync(new URL('./text.txt', import.meta.url), 'utf8');
export const greeting = (name: string) => text + name;
`,
  );
  write('api/text.txt', 'hello ');
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, text: string) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function run(folder: string, word: string) {
  const program = compiledProgram(folder, 'api/main.ts');
  return spawnSync(process.execPath, ['--enable-source-maps', program, word], { encoding: 'utf8' });
}

test('a program runs from plain JavaScript and finds the files beside its source', async () => {
  const folder = await compilePrograms(root);
  expect(run(folder, 'world').stdout).toBe('hello world\n');
});

test('a stack trace names the line of the TypeScript', async () => {
  const { stderr } = run(await compilePrograms(root), 'throw');
  expect(stderr).toContain(`${join(root, 'api', 'main.ts')}:3`);
});

test('a package takes little room in the source map, and a stack trace names its file', async () => {
  const lines = Array.from({ length: 1000 }, (_, n) => `export const call${n} = (given) => given(${n}, ${n}, ${n});`);
  write('node_modules/pack/package.json', '{ "name": "pack", "type": "module", "exports": "./index.js" }');
  write('node_modules/pack/index.js', lines.join('\n'));
  write(
    'api/main.ts',
    `import * as pack from 'pack';\nfor (const call of Object.values(pack)) call(() => { throw new Error('here'); });`,
  );
  const program = compiledProgram(await compilePrograms(root), 'api/main.ts');
  expect(statSync(`${program}.map`).size).toBeLessThan(10_000);
  const { stderr } = spawnSync(process.execPath, ['--enable-source-maps', program], { encoding: 'utf8' });
  expect(stderr).toContain(`${join(root, 'api', 'main.ts')}:2`);
  expect(stderr).toContain(join(root, 'node_modules', 'pack', 'index.js'));
});

test('the same sources are compiled once', async () => {
  const folder = await compilePrograms(root);
  writeFileSync(compiledProgram(folder, 'api/main.ts'), "console.log('not compiled again')");
  expect(await compilePrograms(root)).toBe(folder);
  expect(run(folder, '').stdout).toBe('not compiled again\n');
});

test('a changed source is compiled into another folder, and a running shop keeps its own', async () => {
  const before = await compilePrograms(root);
  write('api/part.ts', "export const greeting = (name: string) => 'goodbye ' + name;\n");
  write('api/text.txt', 'not read by the old program ');
  const after = await compilePrograms(root);
  expect(after).not.toBe(before);
  expect(run(after, 'world').stdout).toBe('goodbye world\n');
  expect(run(before, 'world').stdout).toBe('hello world\n');
});

test('a changed asset, such as a Lua script, leads to another folder', async () => {
  const before = await compilePrograms(root);
  write('api/text.txt', 'good morning ');
  const after = await compilePrograms(root);
  expect(run(after, 'world').stdout).toBe('good morning world\n');
  expect(run(before, 'world').stdout).toBe('hello world\n');
});

test('two starts at once make one whole folder', async () => {
  const folders = await Promise.all([compilePrograms(root), compilePrograms(root)]);
  expect(folders[0]).toBe(folders[1]);
  expect(readdirSync(join(root, '.compiled'))).toEqual([folders[0]?.split('/').at(-1)]);
  expect(run(folders[0] ?? '', 'world').stdout).toBe('hello world\n');
});

test('a source that cannot be compiled stops the start and leaves nothing behind', async () => {
  write('api/part.ts', 'export const greeting = (name: string) => ;\n');
  await expect(compilePrograms(root)).rejects.toThrow(/part\.ts:1/);
  expect(readdirSync(join(root, '.compiled'))).toEqual([]);
});

test('only the names of programs are replaced in a command', () => {
  const folder = compiledFolder(root);
  expect(['node', 'api/main.ts', 'users'].map((word) => compiledProgram(folder, word))).toEqual([
    'node',
    join(folder, 'api/main.js'),
    'users',
  ]);
});
