/** A closed loop of clients by wrk (https://github.com/wg/wrk), which takes less of the machine than a client in Node.js would. */
import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';

/** What a load sends: paths and bodies (JSON texts) in turn, round and round. None of the texts contains a line break. */
export type WrkLoad = {
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly paths: readonly string[];
  readonly bodies?: readonly string[];
};

/** What a while of load came to: requests answered, the same for each second, and their times in ms. */
export type Measured = {
  readonly answered: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
};

/** The line that the script below writes; times in microseconds. */
const summary = z.object({ requests: z.int(), micros: z.int(), bad: z.int(), p50: z.int(), p99: z.int() });

/**
 * Sends a load over `connections` kept connections.
 * @param seconds how long
 * @param pauseMs the mean pause of a connection between an answer and its next request, exponentially distributed; 0: none
 * @throws when an answer is 4xx or 5xx, or does not come within 10 s
 */
export async function runWrk(
  baseUrl: string,
  connections: number,
  seconds: number,
  load: WrkLoad,
  pauseMs = 0,
): Promise<Measured> {
  const script = join(tmpdir(), `bench-${process.pid}.lua`);
  writeFileSync(script, scriptOf(load) + pauseScript(pauseMs), { mode: 0o600 });
  try {
    const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, baseUrl];
    const { stdout } = await promisify(execFile)('wrk', args);
    const { requests, micros, bad, p50, p99 } = summary.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
    if (bad > 0) throw new Error(`${bad} of ${requests} requests to ${load.paths[0]} got an error or no answer`);
    return { perSecond: requests / (micros / 1e6), p50: p50 / 1000, p99: p99 / 1000, answered: requests };
  } finally {
    rmSync(script);
  }
}

/** wrk's script (https://github.com/wg/wrk/blob/master/SCRIPTING): the bytes of all requests, made once; the summary as a line of JSON. */
function scriptOf({ method, headers = {}, paths, bodies = [] }: WrkLoad): string {
  const all = { ...headers, ...(bodies.length > 0 ? { 'content-type': 'application/json' } : {}) };
  const fields = Object.entries(all).map(([name, value]) => `[ ${quoted(name)} ] = ${quoted(value)}`);
  return `local texts, n = {}, 0
local function lines(text)
  local list = {}
  for line in text:gmatch('[^\\n]+') do list[#list + 1] = line end
  return list
end
function init()
  local paths, bodies = lines(${quoted(paths.join('\n'))}), lines(${quoted(bodies.join('\n'))})
  for i = 1, math.max(#paths, #bodies) do
    texts[i] = wrk.format(${quoted(method)}, paths[(i - 1) % #paths + 1], { ${fields.join(', ')} }, bodies[(i - 1) % math.max(1, #bodies) + 1])
  end
end
function request()
  n = n % #texts + 1
  return texts[n]
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"micros":%d,"bad":%d,"p50":%d,"p99":%d}\\n', summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50), latency:percentile(99)))
end
`;
}

function pauseScript(meanMs: number): string {
  if (meanMs === 0) return '';
  return `function delay() return math.floor(0.5 - ${meanMs} * math.log(1 - math.random())) end\n`;
}

/** A text in Lua's long brackets, in which nothing is escaped. */
function quoted(text: string): string {
  return `[==[\n${text}]==]`;
}
