/** The commands that fill and empty a running shop: they talk to its API as the admin. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { type Client, createClient } from '../../api/client/client.ts';
import { readCommandLine } from '../command-line.ts';
import { runDemo } from './demo.ts';
import { type ExportName, exportAll, exportFile, exportNames } from './export.ts';
import { importFile } from './import.ts';

const usage = `npm run import -- FILE [--url URL]        products from CSV (a name that ends in .csv) or JSON lines
npm run export -- ${exportNames.join('|')} [FILE] [--csv] [--url URL]
                                          as JSON lines, or as CSV with --csv or into a FILE that ends in .csv; without FILE
                                          to stdout: npm run --silent export -- products | ...
npm run demo                              a small catalogue, two customers and some purchases

URL: of the shop, http://localhost:HTTP_PORT without it. The admin is ADMIN_EMAIL with ADMIN_PASSWORD, from the environment or .env.`;

/** Where a command writes: data, what it did, and what went wrong. */
type Say = {
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
  const options = { url: { type: 'string' }, csv: { type: 'boolean' }, help: { type: 'boolean' } } as const;
  const parsed = readCommandLine({ args: words, options, allowPositionals: true }, usage, say);
  if (typeof parsed === 'number') return parsed;
  const run = commandOf(command, parsed.positionals, parsed.values.csv ?? false, say);
  if (run === undefined) {
    say.error(usage);
    return 2;
  }
  const settings = settingsOf(projectDir, environment);
  const baseUrl = parsed.values.url ?? `http://localhost:${settings.HTTP_PORT ?? 8080}`;
  let admin: Client | undefined;
  try {
    if (command === 'import') requireFile(parsed.positionals[0] ?? '');
    if (command === 'export') warnOfNpm(environment, parsed.positionals[1], say);
    admin = await signedIn(baseUrl, settings);
    return await run(admin, baseUrl, settings.SHOP_CURRENCY ?? 'USD');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return 0; // the reader has enough, as `head` does
    say.error(error instanceof Error ? error.message : String(error));
    return 1;
  } finally {
    await admin?.signOut().catch(() => undefined); // a sign-in that is left ends by itself
  }
}

type Run = (admin: Client, baseUrl: string, currency: string) => Promise<number>;

/** What the command does; `undefined` where the arguments are wrong. */
function commandOf(command: 'import' | 'export' | 'demo', words: string[], csv: boolean, say: Say): Run | undefined {
  const [first = '', file, ...more] = words;
  if (more.length > 0) return undefined;
  if (command === 'demo' && words.length === 0) {
    return async (admin, baseUrl, currency) => {
      await runDemo(admin, baseUrl, currency, say.log);
      return 0;
    };
  }
  if (command === 'import' && words.length === 1) {
    return async (admin, _baseUrl, currency) =>
      (await importFile(admin, first, currency, say.log)).refused > 0 ? 1 : 0;
  }
  if (command !== 'export' || !isExportName(first)) return undefined;
  return async (admin) => {
    const format = csv || /\.csv$/i.test(file ?? '') ? 'csv' : 'jsonl';
    if (file === undefined) await exportAll(admin, first, format, say.out);
    else say.log(`${await exportFile(admin, first, format, file)} ${first} in ${file}`);
    return 0;
  };
}

/** Fails early when there is no such file. @throws Error */
function requireFile(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) throw new Error(`There is no file ${file}.`);
  if (!found.isFile()) throw new Error(`${file} is not a file.`);
}

/** npm writes the name of the command to stdout before it starts it. */
function warnOfNpm(environment: Record<string, string | undefined>, file: string | undefined, say: Say): void {
  const isAfterNpm = environment.npm_lifecycle_event !== undefined && environment.npm_config_loglevel !== 'silent';
  if (file !== undefined || !isAfterNpm || process.stdout.isTTY) return;
  say.error(
    'npm has put lines of its own before the data: use npm run --silent export, or name a file to export into.',
  );
}

function isExportName(name: string | undefined): name is ExportName {
  return exportNames.some((each) => each === name);
}

function settingsOf(projectDir: string, environment: Record<string, string | undefined>) {
  const path = join(projectDir, '.env');
  const stored = existsSync(path) ? parseEnv(readFileSync(path, 'utf8')) : {};
  const given = Object.entries(environment).filter(([, value]) => value !== undefined && value !== '');
  return { ...stored, ...Object.fromEntries(given) };
}

/** How long a call is repeated, in ms: after a 429 the wait is up to a minute. */
const retryMs = 90_000;

/** The admin's client. A shop that is not there is a fault at once, and not one that passes. */
async function signedIn(baseUrl: string, settings: Record<string, string | undefined>): Promise<Client> {
  const email = settings.ADMIN_EMAIL ?? 'admin@example.com';
  const admin = createClient({ baseUrl, retryMs });
  try {
    if (!settings.ADMIN_PASSWORD) throw new Error('ADMIN_PASSWORD is neither in the environment nor in .env.');
    await fetch(baseUrl, { signal: AbortSignal.timeout(10_000) });
    await admin.signIn({ email, password: settings.ADMIN_PASSWORD ?? '' });
    return admin;
  } catch (error) {
    const { message, cause } = error as Error & { cause?: NodeJS.ErrnoException };
    const reason =
      cause === undefined ? message : `${message} (${cause.code ?? cause.message}). Is it running (npm start)?`;
    throw new Error(`Cannot sign in at ${baseUrl} as ${email}: ${reason}`, { cause: error });
  }
}
