/** Small faults in a line of code: a condition the other way round, a bound off by one, a call that is missing. */
import { basename } from 'node:path';

/** One fault: the file, the line (counted from 1), and what the line becomes. */
export type Mutant = { readonly file: string; readonly line: number; readonly before: string; readonly after: string };

const inTypeScript: [RegExp, string][] = [
  [/ === /, ' !== '],
  [/ !== /, ' === '],
  [/ && /, ' || '],
  [/ \|\| /, ' && '],
  [/ <= /, ' < '],
  [/ >= /, ' > '],
  [/ < (?=[\w.(]+)/, ' <= '],
  [/ > (?=[\w.(]+)/, ' >= '],
  [/\breturn true;/, 'return false;'],
  [/\breturn false;/, 'return true;'],
  [/ \? (.+) : (.+);$/, ' ? $2 : $1;'],
  [/^(\s*)if \((.*)\) (\w.*;|\{)$/, '$1if (!($2)) $3'],
  [/^(\s*)(await |void )?[\w.]+(\?\.)?\(.*\);$/, '$1;'],
];

const inLua: [RegExp, string][] = [
  [/ == /, ' ~= '],
  [/ ~= /, ' == '],
  [/ and /, ' or '],
  [/ or /, ' and '],
  [/ < /, ' <= '],
  [/ > /, ' >= '],
  [/^(\s*)(redis\.call|emit|mark_revoked)\(.*\)$/, '$1-- missing'],
];

/** A comment, an import, a type or an error message has no behaviour that a test could notice. */
const hasNoBehaviour =
  /^\s*(\*|\/\/|\/\*|--|import |export type |type |\| |throw |readonly |log\.)|=>\s*(void|boolean|string|number);?$/;

/** Every fault that can be made in a file. @param file its path; Lua by its ending `.lua` */
export function mutantsOf(file: string, source: string): Mutant[] {
  const rules = file.endsWith('.lua') ? inLua : inTypeScript;
  return source.split('\n').flatMap((before, index) => {
    if (hasNoBehaviour.test(before)) return [];
    const code = before.replace(/\s*(\/\/|--) .*$/, '');
    return rules.flatMap(([pattern, replacement]) => {
      const after = code.replace(pattern, replacement);
      return after === code ? [] : [{ file, line: index + 1, before, after }];
    });
  });
}

/** The file with the fault in it. */
export function withMutant(source: string, { line, after }: Mutant): string {
  return source
    .split('\n')
    .map((each, index) => (index === line - 1 ? after : each))
    .join('\n');
}

/** Reads a choice such as `7,41-100` or `41-`. @returns whether a number is in it */
export function numbersOf(choice: string): (number: number) => boolean {
  const ranges = choice.split(',').map((range) => {
    const [from = '', to = from] = range.split('-');
    return { from: Number(from), to: to === '' ? Number.POSITIVE_INFINITY : Number(to) };
  });
  return (number) => ranges.some(({ from, to }) => from <= number && number <= to);
}

/**
 * The test files of a project whose names have most words in common with that of a source file: the likeliest to notice a fault in it. Words
 * count as the same when they begin alike, as `reserve` and `reservations` do.
 * @returns at most three, the best first
 */
export function nearestTests(source: string, files: readonly string[], project: string): string[] {
  const wordsOf = (path: string) =>
    path
      .replace(/(\.test)?\.\w+$/, '')
      .split(/[/-]/)
      .map((word) => word.replace(/s$/, '').slice(0, 6));
  const words = new Set(wordsOf(source));
  return files
    .filter((file) => file.startsWith(`test/${project}/`) && file.endsWith('.test.ts'))
    .map((file) => ({ file, shared: wordsOf(basename(file)).filter((word) => words.has(word)).length }))
    .sort((one, other) => other.shared - one.shared)
    .slice(0, 3)
    .filter(({ shared }) => shared > 0)
    .map(({ file }) => file);
}
