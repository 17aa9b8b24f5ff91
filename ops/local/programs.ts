// The programs that the shop runs besides Node.js, and where they come from.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/** Which Debian or Ubuntu package brings which program. Sentinel is redis-server under another name. */
const shop: Readonly<Record<string, string>> = {
  'redis-server': 'redis-server',
  'redis-cli': 'redis-tools',
  'redis-check-aof': 'redis-tools',
  'redis-check-rdb': 'redis-tools',
  nginx: 'nginx',
  openssl: 'openssl',
  setpriv: 'util-linux',
};

/** Packages by program, for what needs them. The shop works without those of monitoring. */
export const packages = {
  shop,
  monitoring: {
    prometheus: 'prometheus',
    'prometheus-alertmanager': 'prometheus-alertmanager',
    'prometheus-redis-exporter': 'prometheus-redis-exporter',
    'prometheus-node-exporter': 'prometheus-node-exporter',
  },
  tests: { shellcheck: 'shellcheck' },
  bench: { ...shop, wrk: 'wrk' },
} as const;

/** The missing programs. @param path the folders to look in, as in PATH */
function missingPrograms(path: string, of: Readonly<Record<string, string>>): string[] {
  return Object.keys(of).filter((program) => !path.split(':').some((folder) => isProgram(join(folder, program))));
}

/**
 * Installs what is missing from apt, showing what it does.
 * @param of some of {@link packages}
 * @returns whether all of it is there now; if not, it has printed what to do
 */
export function installMissing(projectDir: string, path: string, of: Readonly<Record<string, string>>): boolean {
  const missing = missingPrograms(path, of);
  if (missing.length === 0) return true;
  const packages = [...new Set(missing.map((program) => of[program] ?? program))];
  console.log(`Not on this machine yet: ${missing.join(', ')}.`);
  // Relative, because the same command is shown to users who have to run it by hand.
  const result = spawnSync('sh', ['ops/local/install.sh', ...packages], { cwd: projectDir, stdio: 'inherit' });
  if (result.status !== 0) return false;
  const still = missingPrograms(path, of);
  if (still.length > 0) console.error(`Installed, but still not found in ${path}: ${still.join(', ')}.`);
  return still.length === 0;
}

/** How long the installation of a browser may take, in ms; without one, its tests are skipped. */
const browserInstallMs = 120_000;

/** Installs Chromium for the tests of `/docs`, while other work goes on. @returns whether there is one */
export async function installBrowser(projectDir: string, path: string): Promise<boolean> {
  if (missingPrograms(path, { chromium: 'chromium' }).length === 0) return true;
  console.log('Not on this machine yet: chromium. Installing it for the tests of /docs.');
  const child = spawn('sh', ['ops/local/install.sh', 'chromium'], {
    cwd: projectDir,
    timeout: browserInstallMs,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return new Promise((resolve) => {
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
