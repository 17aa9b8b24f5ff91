// Where `npm start`, `npm test` and `npm run shop` begin, on a machine that may have nothing yet: plain JavaScript without packages. It
// checks Node.js, installs the npm packages if they are missing or out of date, and hands over in the same process: to main.ts, compiled, for
// what runs or uses a shop, and to development.ts for the rest.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`The shop needs Node.js 20.19 or newer; this is ${process.versions.node}. See https://nodejs.org`);
  process.exit(1);
}

// npm leaves this file behind; it is as old as the last installation.
const installed = join(project, 'node_modules', '.package-lock.json');
const wanted = join(project, 'package-lock.json');
const isInstalled = () => existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs;
if (!isInstalled()) {
  console.log('Installing the npm packages of package-lock.json …');
  // Under a lock, because two commands that begin together would delete each other's files: the second finds the packages installed.
  const command = '[ -e "$1" ] && ! [ "$2" -nt "$1" ] || npm ci --no-audit --no-fund';
  const options = { cwd: project, stdio: 'inherit' };
  const { status } = spawnSync('flock', [wanted, 'sh', '-c', command, 'sh', installed, wanted], options);
  if (status !== 0 || !isInstalled()) {
    console.error('npm ci failed: see the lines above.');
    process.exit(1);
  }
}

if (['test', 'chaos', 'bench', 'client', 'fuzz'].includes(process.argv[2])) {
  // Node.js from 22.18 on reads TypeScript itself.
  if (!process.features.typescript) (await import('tsx/esm/api')).register();
  await import('./development.ts');
} else {
  process.setSourceMapsEnabled(true);
  const { compilePrograms, compiledProgram } = await import('../compile.mjs');
  await import(compiledProgram(await compilePrograms(project), 'ops/local/main.ts'));
}
