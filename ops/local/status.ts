// The state of each process of the shop, as `npm run shop -- status` shows it.
import { isHealthy, type RedisState, redisState } from './health.ts';
import { lastLines } from './logs.ts';
import type { SupervisedProcess } from './process.ts';
import type { Kind } from './spec.ts';

/** One line of the status. */
export type ProcessStatus = {
  name: string;
  kind: Kind;
  pid: number | null;
  port: number;
  /** `down` also stands for one that runs but does not work yet, such as a Redis that waits for an election. */
  state: 'up' | 'paused' | 'down';
  /** Of a Redis; with `offset`, the bytes of writes that it has, and `lag`, those that it is behind the master. */
  role?: 'master' | 'replica';
  offset?: number;
  lag?: number;
  /** How often it was started again after it died. */
  restarts: number;
  log: string;
};

/** Asks all processes at once. Takes as long as the slowest answer, at most the timeout of health.ts. @param secrets by name, as in Settings */
export async function describe(all: SupervisedProcess[], secrets: Record<string, string>): Promise<ProcessStatus[]> {
  const answers = await Promise.all(
    all.map(async (each): Promise<{ works: boolean; redis?: RedisState | undefined }> => {
      if (each.pid() === undefined || each.isPaused()) return { works: false };
      const spec = each.spec();
      if (spec.kind !== 'redis') return { works: await isHealthy(spec, secrets) };
      const redis = await redisState(spec.port, secrets);
      return { works: redis !== undefined, redis };
    }),
  );
  const masterOffset = Math.max(0, ...answers.map(({ redis }) => (redis?.role === 'master' ? redis.offset : 0)));
  return all.map((each, index) => {
    const { name, kind, port } = each.spec();
    const answer = answers[index];
    const redis = answer?.redis;
    return {
      name,
      kind,
      pid: each.pid() ?? null,
      port,
      state: each.isPaused() ? 'paused' : answer?.works ? 'up' : 'down',
      ...(redis ? { role: redis.role, offset: redis.offset, lag: Math.max(0, masterOffset - redis.offset) } : {}),
      restarts: each.restarts(),
      log: each.logPath,
    };
  });
}

/** The last line in the log of a process. */
export function lastLogLine({ logPath }: SupervisedProcess): string {
  return lastLines(logPath, 1)[0]?.slice(0, 200) ?? '';
}

/** An error that names the failed processes, their logs and the last lines of these. */
export function failure(what: string, failed: SupervisedProcess[]): Error {
  const lines = failed.map((each) => {
    const tail = lastLines(each.logPath, 4).map((line) => `\n      ${line.slice(0, 200)}`);
    return `  ${each.spec().name} (${each.logPath})${tail.join('')}`;
  });
  return new Error([what, ...lines].join('\n'));
}
