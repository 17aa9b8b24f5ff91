/** Small faults in a line of code: a condition the other way round, a bound off by one, a call that is missing. */

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
