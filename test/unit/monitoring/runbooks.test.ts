/** What the runbooks quote and command is what the shop says and knows today. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const filesIn = (folder: string, pattern: RegExp) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name));
const textOf = (paths: readonly string[]) => paths.map((path) => readFileSync(path, 'utf8')).join('\n');

const pages = textOf(filesIn('monitoring/runbooks', /\.md$/));
const sources = textOf(
  ['api', 'nginx', 'redis', 'ops', 'monitoring/grafana/source'].flatMap((folder) => filesIn(folder, /\.(ts|conf|sh)$/)),
);

/** Texts of the shop: in quotation marks in the pages, or what a `grep` looks for in its logs. */
function quotedTexts(): string[] {
  const prose = pages.replace(/`[^`]*`/g, '');
  const quoted = [...prose.matchAll(/"([A-Za-z][^"[\]]{8,})"/g)].map(([, text = '']) => text);
  const searched = [...pages.matchAll(/grep -hE? (?:"([^"]+)"|(\w+)) \.shop\/logs\/(?!sentinel)/g)];
  return [...quoted, ...searched.flatMap(([, several, one = '']) => several?.split('|') ?? [one])];
}

describe('the runbooks', () => {
  test.each([...new Set(quotedTexts())])('quote “%s” as the shop says it', (text) => {
    expect(text.split('…').filter((part) => !sources.includes(part.trim()))).toEqual([]);
  });

  test.each([
    ['npm run shop -- ', 'ops/local/commands.ts', (verb: string) => `\n  ${verb} `],
    ['ops/stack.sh ', 'ops/stack.sh', (verb: string) => `\n  ${verb}) `],
    ['ops/compose.sh ', 'ops/compose.sh', (verb: string) => `\n  ${verb}) `],
    ['redis/backup.sh ', 'redis/backup.sh', (verb: string) => `\n  ${verb}) `],
    ['redis/cluster.sh ', 'redis/cluster.sh', (verb: string) => `\n  ${verb}) `],
  ])('use commands of `%s` that there are', (command, file, inSource) => {
    const source = readFileSync(file, 'utf8');
    const calls = pages.replaceAll('\n', ' ').split(command).slice(1);
    const verbs = new Set(calls.flatMap((rest) => /^[a-z|-]+/.exec(rest)?.[0].split('|') ?? []));
    expect([...verbs].filter((verb) => !source.includes(inSource(verb)))).toEqual([]);
    expect(verbs.size).toBeGreaterThan(0);
  });
});
