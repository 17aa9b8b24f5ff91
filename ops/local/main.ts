// The command line that runs and uses a shop: `start`, `shop COMMAND`, `import`, `export`, `demo`. Reads the environment and `.env`, once, and hands over.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { readCommandLine } from '../command-line.ts';
import { runCommand } from './commands.ts';
import { keepEnvFile } from './secrets.ts';
import { readSettings, type Settings } from './settings.ts';
import { runShop } from './start.ts';

const projectDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const environment = process.env;

/** The settings of the environment and, below them, of `.env`; it is made or completed at the first start. */
function settingsOrExit(): Settings {
  const file = keepEnvFile(join(projectDir, '.env'), environment);
  if (file.added.length > 0) console.log(`Added ${file.added.length} random secrets to .env.`);
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const read = readSettings({ ...file.values, ...given }, projectDir);
  if (read.kind === 'ok') return read.settings;
  console.error(
    `Settings (environment or .env) that are wrong:\n${read.faults.map((fault) => `  ${fault}`).join('\n')}`,
  );
  process.exit(1);
}

/** The folder of the shop that `npm run shop` talks to; nothing else need be set for that. */
function shopDir(): string {
  const path = join(projectDir, '.env');
  const stored = existsSync(path) ? parseEnv(readFileSync(path, 'utf8')) : {};
  return resolve(projectDir, environment.SHOP_DIR || stored.SHOP_DIR || '.shop');
}

const usage = `npm start               runs the shop until Ctrl-C; settings: .env, described in .env.example
npm run shop -- help    commands for a shop that runs: its state, faults, replicas, memory
npm run demo            fills it with a small catalogue; npm run import and export: files of any size
npm test                types, lint and every test
npm run client, fuzz, chaos, bench
                        for developers: each explains itself with -- --help`;

const [command, ...rest] = process.argv.slice(2);
switch (command) {
  case 'start': {
    const given = readCommandLine({ args: rest, options: { help: { type: 'boolean' } } }, usage);
    process.exit(typeof given === 'number' ? given : await runShop(settingsOrExit()));
    break;
  }
  case 'shop':
    process.exit(await runCommand(shopDir(), join(projectDir, '.env'), rest));
    break;
  case 'import':
  case 'export':
  case 'demo': {
    const { runData } = await import('../data/main.ts');
    process.exit(await runData(projectDir, environment, command, rest));
    break;
  }
  default:
    console.error(usage);
    process.exit(2);
}
