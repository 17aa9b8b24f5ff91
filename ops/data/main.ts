/** The commands that fill and empty a running shop: they talk to its API as the admin. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs, parseEnv } from 'node:util';
import { type Client, createClient } from '../../api/client/client.ts';
import { runDemo } from './demo.ts';
import { type ExportName, exportAll, exportNames } from './export.ts';
import { importFile } from './import.ts';

const usage = `npm run import -- FILE [--url URL]        products from CSV (a name that ends in .csv) or JSON lines
npm run export -- ${exportNames.join('|')} [--csv] [--url URL]
npm run demo                              a small catalogue, two customers and some purchases

URL: of the shop, http://localhost:HTTP_PORT without it. The admin is ADMIN_EMAIL with ADMIN_PASSWORD, from the environment or .env.`;

/** Where a command writes: data, what it did, and what went wrong. */
export type Say = {
  readonly out: NodeJS.WritableStream;
  readonly log: (text: string) => void;
  readonly error: (text: string) => void;
};

/**
 * Runs a command.
 * @param environment wins over `.env`
 * @returns the exit code: 0; 1 when rows were refused or the shop cannot be reached; 2 when the command is not understood
 */
export async function runData(
  projectDir: string,
  environment: Record<string, string | undefined>,
  command: 'import' | 'export' | 'demo',
  words: string[],
  say: Say = { out: process.stdout, log: console.log, error: console.error },
): Promise<number> {
  const parsed = parse(words);
  const [first, ...more] = parsed?.positionals ?? [];
  const isComplete = command === 'demo' ? first === undefined : first !== undefined && more.length === 0;
  if (parsed === undefined || !isComplete || (command === 'export' && !isExportName(first))) {
    say.error(usage);
    return 2;
  }
  const settings = settingsOf(projectDir, environment);
  const baseUrl = parsed.values.url ?? `http://localhost:${settings.HTTP_PORT ?? 8080}`;
  const currency = settings.SHOP_CURRENCY ?? 'USD';
  try {
    const admin = await signedIn(baseUrl, settings);
    if (command === 'demo') await runDemo(admin, baseUrl, currency, say.log);
    else if (command === 'import') return (await importFile(admin, first ?? '', currency, say.log)).refused > 0 ? 1 : 0;
    else if (isExportName(first)) await exportAll(admin, first, parsed.values.csv ? 'csv' : 'jsonl', say.out);
    return 0;
  } catch (error) {
    say.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

function parse(words: string[]) {
  try {
    const options = { url: { type: 'string' }, csv: { type: 'boolean' } } as const;
    return parseArgs({ args: words, options, allowPositionals: true });
  } catch {
    return undefined;
  }
}

function isExportName(name: string | undefined): name is ExportName {
  return exportNames.some((each) => each === name);
}

function settingsOf(projectDir: string, environment: Record<string, string | undefined>) {
  const path = join(projectDir, '.env');
  const held = existsSync(path) ? parseEnv(readFileSync(path, 'utf8')) : {};
  const given = Object.entries(environment).filter(([, value]) => value !== undefined && value !== '');
  return { ...held, ...Object.fromEntries(given) };
}

/** The admin's client. A shop that is not there is a fault at once, and not one that passes. */
async function signedIn(baseUrl: string, settings: Record<string, string | undefined>): Promise<Client> {
  const email = settings.ADMIN_EMAIL ?? 'admin@example.com';
  const admin = createClient({ baseUrl });
  try {
    await fetch(baseUrl, { signal: AbortSignal.timeout(10_000) });
    await admin.signIn({ email, password: settings.ADMIN_PASSWORD ?? '' });
    return admin;
  } catch (error) {
    throw new Error(`Cannot sign in at ${baseUrl} as ${email}: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}
