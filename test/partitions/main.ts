/**
 * `node --import tsx test/partitions/main.ts [NAME ...]`: the scenarios one after the other, each on a cluster of its own, with 40 writes a
 * second. SECONDS (10): length of the cut. PORT_BASE (29000): 30 free ports. Exits with 1 when a write is lost or a gap is too long.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { startCluster } from './cluster.ts';
import { type Scenario, scenarios } from './scenarios.ts';
import { longestGapMs, lostWrites, startWriter } from './writer.ts';

const cutMs = Number(process.env.SECONDS ?? 10) * 1000;
const portBase = Number(process.env.PORT_BASE ?? 29_000);

/** Runs one scenario and prints what was seen. @returns whether it is as it has to be */
async function run({ name, what, cut, maxGapMs }: Scenario): Promise<boolean> {
  const cluster = await startCluster(portBase);
  const events: string[] = [];
  const redis = cluster.openService((event) => events.push(event));
  try {
    const writer = startWriter(redis, 25);
    await delay(1500);
    const fromMs = performance.now();
    cluster.cut(cut);
    await delay(cutMs);
    const toMs = performance.now();
    cluster.heal();
    await delay(6000);
    const endMs = performance.now();
    await writer.stop();
    const lost = await lostWrites(cluster, writer.acknowledged);
    const gapMs = Math.round(longestGapMs(writer.acknowledged, fromMs, toMs));
    const healedMs = Math.round(longestGapMs(writer.acknowledged, toMs, endMs));
    const isGood = lost.length === 0 && gapMs <= (maxGapMs ?? Number.POSITIVE_INFINITY) && healedMs < 6000;
    console.log(
      `${isGood ? 'ok  ' : 'BAD '} ${name} (${what}): ${writer.acknowledged.length} acknowledged, ${lost.length} lost, ${writer.refused()} refused; ` +
        `longest gap ${gapMs} ms during the cut${maxGapMs === undefined ? '' : ` (allowed: ${maxGapMs})`}, ${healedMs} ms after it`,
    );
    for (const event of events) console.log(`       ${event}`);
    return isGood;
  } finally {
    redis.close();
    await cluster.close();
  }
}

const names = process.argv.slice(2);
let isGood = true;
for (const scenario of scenarios.filter(({ name }) => names.length === 0 || names.includes(name))) {
  isGood = (await run(scenario)) && isGood;
}
process.exit(isGood ? 0 : 1);
