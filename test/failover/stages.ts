/** Which shop a fault needs; the one that is open is used again as long as it fits. */
import type { Needs } from './faults/fault.ts';
import { withHooks } from './faults/inside.ts';
import { withSpare } from './faults/members.ts';
import { openStage, type Stage } from './stage.ts';

/** What is special about a shop, for each need. */
const shops: Record<Needs, () => Promise<Stage>> = {
  nothing: () => openStage(),
  proxies: () => openStage({ proxied: true }),
  'little memory': () => openStage({ changes: { redisMaxMemory: '24mb' } }),
  'little disk': () => openStage({ littleDiskFor: 'redis-1' }),
  'spare replica': () => openStage({ rewire: (specs, settings) => withSpare(settings, specs) }),
  hooks: () => openStage({ rewire: (specs, settings) => withHooks(settings.dir, specs) }),
};

/** See {@link keepStage}. */
export type StageKeeper = {
  /** A shop that has what is needed, freshly started if it must be. */
  stageFor(needs: Needs): Promise<Stage>;
  /** Ends the open one: the next is a new one. */
  end(): Promise<void>;
};

/** Keeps at most one shop open. */
export function keepStage(): StageKeeper {
  let open: { needs: Needs; stage: Stage } | undefined;
  async function end() {
    await open?.stage.close();
    open = undefined;
  }
  return {
    async stageFor(needs) {
      if (open?.needs === needs) return open.stage;
      await end();
      const stage = await shops[needs]();
      open = { needs, stage };
      return stage;
    },
    end,
  };
}
