// The programs that the shop runs besides Node.js, and where they come from.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/** Which Debian or Ubuntu package brings which program. Sentinel is redis-server under another name. */
const packageOf: Record<string, string> = {
  'redis-server': 'redis-server',
  'redis-cli': 'redis-tools',
  'redis-check-aof': 'redis-tools',
  'redis-check-rdb': 'redis-tools',
  nginx: 'nginx',
  openssl: 'openssl',
  setpriv: 'util-linux',
};

/** The same for monitoring; the shop works without it. */
const monitoringPackageOf: Record<string, string> = {
  prometheus: 'prometheus',
  'prometheus-alertmanager': 'prometheus-alertmanager',
  'prometheus-redis-exporter': 'prometheus-redis-exporter',
  'prometheus-node-exporter': 'prometheus-node-exporter',
};

/** The missing programs. @param path the folders to look in, as in PATH */
function missingPrograms(path: string, of: Record<string, string> = packageOf): string[] {
  return Object.keys(of).filter((program) => !path.split(':').some((folder) => isProgram(join(folder, program))));
}

/**
 * Installs what is missing from apt, showing what it does.
 * @returns whether all of it is there now; if not, it has printed what to do
 */
export function installMissing(projectDir: string, path: string, of: Record<string, string> = packageOf): boolean {
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

/** Like {@link installMissing}, for the programs of monitoring. */
export function installMonitoring(projectDir: string, path: string): boolean {
  return installMissing(projectDir, path, monitoringPackageOf);
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

/** Like {@link installMissing}, for what only `npm test` uses. */
export function installTestPrograms(projectDir: string, path: string): boolean {
  return installMissing(projectDir, path, { shellcheck: 'shellcheck' });
}

/** Like {@link installMissing}, for what only `npm run bench` uses. */
export function installBenchPrograms(projectDir: string, path: string): boolean {
  return installMissing(projectDir, path, { ...packageOf, wrk: 'wrk' });
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
