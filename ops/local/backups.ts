// Backups of a shop of processes: the same script as in containers, a snapshot from a replica every hour.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from './settings.ts';
import type { ProcessSpec } from './spec.ts';

/** The folder of the backups; `metrics/` in it holds their metrics for node-exporter. */
export function backupDir(dir: string): string {
  return join(dir, 'backups');
}

/** The process that makes backups; none where they are turned off. @param sentinels addresses */
export function backupProcesses(settings: Settings, sentinels: readonly string[]): ProcessSpec[] {
  if (settings.backups === undefined) return [];
  const { REDIS_PASSWORD_BACKUP = '', SENTINEL_PASSWORD_BACKUP = '' } = settings.secrets;
  return [
    {
      name: 'backup',
      kind: 'backup',
      port: 0,
      command: ['sh', join(settings.projectDir, 'redis', 'backup.sh'), 'schedule'],
      env: {
        ...settings.backups,
        BACKUP_DIR: backupDir(settings.dir),
        SENTINELS: sentinels.join(' '),
        REDIS_PASSWORD_BACKUP,
        SENTINEL_PASSWORD_BACKUP,
      },
      health: { ask: 'backup', port: 0, path: '' },
      isOptional: true,
      stopSignal: 'SIGTERM',
      stopMs: 3000,
      deathSignal: 'TERM',
      stopOrder: 1,
    },
  ];
}

/** Whether the last backup is younger than two intervals, like `backup.sh fresh`. */
export function isFresh({ env }: ProcessSpec): boolean {
  const { BACKUP_DIR = '', BACKUP_INTERVAL_S = '3600' } = env;
  const last = statSync(join(BACKUP_DIR, 'metrics', 'backup.prom'), { throwIfNoEntry: false });
  return last !== undefined && Date.now() - last.mtimeMs < 2000 * Number(BACKUP_INTERVAL_S);
}
