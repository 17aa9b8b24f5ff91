// Finds a frozen Nginx and replaces it.
import { httpStatus } from './health.ts';
import type { SupervisedProcess } from './process.ts';

const everyMs = 400;
const missesUntilFrozen = 3;

/**
 * Watches an Nginx. A frozen one still gets its share of new connections from the kernel, and nobody answers them: it is found in at
 * most 2 s and killed, and its supervision starts it again. Services and Redis need none of it: Nginx and Sentinel pass them over.
 * @returns the timer, to be cleared
 */
export function watchForFreeze(nginx: SupervisedProcess, onFrozen: (name: string) => void): NodeJS.Timeout {
  let misses = 0;
  let watchedPid: number | undefined;
  return setInterval(async () => {
    const pid = nginx.pid();
    const { name, health } = nginx.spec();
    const status = await httpStatus(health.port, health.path, everyMs);
    // A process that was just started may take its time until it first answers.
    misses = status !== undefined || pid === undefined || pid !== watchedPid ? 0 : misses + 1;
    watchedPid = pid;
    if (misses < missesUntilFrozen || pid !== nginx.pid()) return;
    misses = 0;
    onFrozen(name);
    nginx.kill();
  }, everyMs);
}
