/** Whether a program is installed: tests of monitoring are skipped on machines that cannot have it. */
import { spawnSync } from 'node:child_process';

/** Whether `name` can be started. */
export function hasProgram(name: string): boolean {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).error === undefined;
}
