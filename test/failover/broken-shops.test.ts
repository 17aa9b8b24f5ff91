/** The checker can fail: a shop without one of the things that its promises rest on is found out. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { type Episode, playEpisode, type Size, smallSize } from './episode.ts';
import type { Fault } from './faults/fault.ts';
import {
  checkThenTake,
  type Patch,
  patchApi,
  withoutDeduplication,
  withoutFence,
  withoutWait,
} from './faults/patched.ts';
import { ofElections } from './faults/sentinel.ts';
import { complaints } from './report/table.ts';
import { openStage } from './stage.ts';

/** Both replicas stand still while the master goes on for a second, and dies. */
const masterDiesAhead: Fault = {
  name: 'master dies with what its replicas do not have',
  promise: { failedFirstTries: 'some' },
  needs: 'nothing',
  async run({ stage }) {
    const [master, replicas] = [await stage.master(), await stage.replicas()];
    for (const name of replicas) stage.shop.pause(name);
    await delay(1000);
    await stage.shop.halt(master);
    for (const name of replicas) stage.shop.resume(name);
    await waitFor('another master', async () => (await stage.master()) !== master, 15_000);
    stage.shop.revive(master);
  },
};

/** Between the promotion and the word of it the old master, which lives, still has a replica to confirm what will be thrown away. */
const replacedAlive: Fault = {
  name: 'master replaced while it lives, three times',
  promise: { failedFirstTries: 'some' },
  needs: 'nothing',
  async run(scene) {
    const [failover] = ofElections;
    for (let time = 0; time < 3; time++) {
      await failover?.run(scene);
      await scene.stage.shop.waitUntilHealthy(undefined, 30_000);
    }
  },
};

async function playBroken(
  patches: readonly Patch[],
  faults: readonly Fault[],
  size: Partial<Size> = {},
): Promise<Episode> {
  const api = patchApi(patches);
  try {
    const stage = await openStage({ rewire: api.rewire });
    try {
      return await playEpisode(stage, faults, 7, undefined, { ...smallSize, buyers: 12, ...size });
    } finally {
      await stage.close();
    }
  } finally {
    api.remove();
  }
}

const rules = ({ violations }: Episode) => new Set(violations.map(({ rule }) => rule));

const patienceMs = 180_000;

test(
  'without WAIT, acknowledged purchases are found to be lost',
  async () => {
    const episode = await playBroken(withoutWait, [masterDiesAhead]);
    expect(rules(episode), complaints(episode).join('\n')).toContain('acknowledged purchases are stored');
  },
  patienceMs,
);

test(
  'with a plain WAIT instead of the fence, acknowledged writes are found to be lost',
  async () => {
    const episode = await playBroken(withoutFence, [replacedAlive]);
    expect(
      episode.violations.filter(({ kind }) => kind === 'lost'),
      complaints(episode).join('\n'),
    ).not.toHaveLength(0);
  },
  patienceMs,
);

test(
  'without deduplication, a purchase repeated under its key is found twice',
  async () => {
    const episode = await playBroken(withoutDeduplication, []);
    expect(rules(episode), complaints(episode).join('\n')).toContain('the same answer for the same key');
  },
  patienceMs,
);

test(
  'with the stock looked at first and taken afterwards, it is found below zero',
  async () => {
    // Long enough for what is scarce (20 to 60 of a product) to be bought up.
    const episode = await playBroken(checkThenTake, [], { products: 4, afterMs: 8000 });
    expect(rules(episode), complaints(episode).join('\n')).toContain('stock is never negative');
  },
  patienceMs,
);
