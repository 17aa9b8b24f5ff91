// Finds a frozen Nginx and replaces it.
import { httpStatus } from './health.ts';
import type { SupervisedProcess } from './process.ts';

const pollIntervalMs = 400;
const timeoutMs = 300;
const missesUntilFrozen = 3;
/** When none answers, the machine is more likely busy than all of them frozen, and killing one would only add load to the others. */
const missesWhenNoneAnswers = 12;

/**
 * Watches all Nginx. A frozen one still gets its share of new connections from the kernel, which then get no answer. It is found in less
 * than 2 s and killed, and its supervision starts it again. Frozen services and Redis nodes need no watchdog: Nginx and Sentinel bypass them.
 * @returns the timer, to be cleared
 */
export function watchForFreeze(
  all: readonly SupervisedProcess[],
  onFrozen: (name: string) => void,
  ask: (nginx: SupervisedProcess) => Promise<boolean> = answers,
): NodeJS.Timeout {
  const watched = all.map((nginx) => ({ nginx, pid: undefined as number | undefined, misses: 0 }));
  return setInterval(async () => {
    const beganMs = performance.now();
    const answered = await Promise.all(
      watched.map(async (each) => {
        const pid = each.nginx.pid();
        const isThere = await ask(each.nginx);
        // A process that was just started may take its time until it first answers.
        const isNew = pid === undefined || pid !== each.pid;
        each.pid = pid;
        const wasBusyOurselves = performance.now() - beganMs > timeoutMs + 50;
        if (isThere || isNew) each.misses = 0;
        else if (!wasBusyOurselves) each.misses += 1;
        return isThere;
      }),
    );
    const limit = answered.includes(true) ? missesUntilFrozen : missesWhenNoneAnswers;
    const frozen = watched.find(({ nginx, pid, misses }) => misses >= limit && pid === nginx.pid());
    if (frozen === undefined) return;
    frozen.misses = 0;
    onFrozen(frozen.nginx.spec().name);
    frozen.nginx.kill();
  }, pollIntervalMs);
}

async function answers(nginx: SupervisedProcess): Promise<boolean> {
  const { port, path } = nginx.spec().health;
  return (await httpStatus(port, path, timeoutMs)) !== undefined;
}
