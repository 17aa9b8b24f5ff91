// Makes secrets and stores them in `.env`: present ones stay, missing ones are added.
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { makeSecret, secretNames } from '../credentials.ts';

const opening = `# The settings and secrets of this shop, made at its first start and read at each. See .env.example for what can be set.
# Keep it private: these secrets give full access to the shop.
ADMIN_EMAIL=admin@example.com
`;

/**
 * Reads a settings file, making it (mode 600) or adding to it what is missing first.
 * @param path of the file, usually `.env`
 * @param given names that are set elsewhere (the environment) and need not be in the file
 * @returns what the file holds, and which names were added
 */
export function keepEnvFile(
  path: string,
  given: Record<string, string | undefined>,
): { values: Record<string, string | undefined>; added: string[] } {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : opening;
  const present = parseEnv(text);
  const added = secretNames().filter((name) => !present[name] && !given[name]);
  const lines = added.map((name) => `${name}=${makeSecret(name)}\n`).join('');
  if (lines !== '' || !existsSync(path)) {
    // An empty `NAME=` of before would win over the new line below it in some readers.
    const kept = text
      .split('\n')
      .filter((line) => !added.includes(line.split('=')[0]?.trim() ?? ''))
      .join('\n');
    writeFileSync(path, `${kept}${kept.endsWith('\n') ? '' : '\n'}${lines}`, { mode: 0o600 });
  }
  chmodSync(path, 0o600);
  return { values: parseEnv(readFileSync(path, 'utf8')), added };
}

/** Writes a setting to a settings file, in place of an older line for the same name. */
export function keepSetting(path: string, name: string, value: string): void {
  const lines = existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
  const others = lines.filter((line) => line.split('=')[0]?.trim() !== name);
  writeFileSync(path, `${[...others, `${name}=${value}`].join('\n')}\n`, { mode: 0o600 });
}
