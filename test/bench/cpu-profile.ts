/** CPU profiles as V8 writes them: self time by package, and the tree of calls with its times. */
import { z } from 'zod';

const frame = z.object({ functionName: z.string(), url: z.string() });
const profileSchema = z.object({
  nodes: z.array(z.object({ id: z.int(), callFrame: frame, children: z.array(z.int()).default([]) })),
  /** On the monotonic clock, in µs. */
  startTime: z.number(),
  samples: z.array(z.int()),
  timeDeltas: z.array(z.number()),
});

/** A profile file's content. @see https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile */
export type CpuProfile = z.infer<typeof profileSchema>;

/** Reads a `.cpuprofile`. @throws ZodError when it is none */
export function parseProfile(text: string): CpuProfile {
  return profileSchema.parse(JSON.parse(text));
}

/** A function in the tree of calls; times in µs. */
export type CallNode = {
  readonly name: string;
  readonly package: string;
  totalMicros: number;
  selfMicros: number;
  readonly children: Map<string, CallNode>;
};

/**
 * The calls between two moments (µs on the monotonic clock, as `process.hrtime` counts), waiting left out.
 * @returns the root; calls of the same function from the same place are one node
 */
export function callsBetween(profile: CpuProfile, fromMicros: number, toMicros: number): CallNode {
  const self = new Map<number, number>();
  let atMicros = profile.startTime;
  for (const [i, id] of profile.samples.entries()) {
    const deltaMicros = profile.timeDeltas[i] ?? 0;
    atMicros += deltaMicros;
    if (atMicros >= fromMicros && atMicros <= toMicros) self.set(id, (self.get(id) ?? 0) + deltaMicros);
  }
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const root = nodeOf('(root)', 'the process');
  const first = profile.nodes[0];
  if (first !== undefined) for (const child of first.children) add(root, child);
  return root;

  function add(parent: CallNode, id: number): number {
    const given = byId.get(id);
    if (given === undefined || /^\((idle|program)\)$/.test(given.callFrame.functionName)) return 0;
    const { functionName, url } = given.callFrame;
    const name = functionName || '(anonymous)';
    const owner = packageOf(functionName, url);
    const key = `${name} ${owner}`;
    const node = parent.children.get(key) ?? nodeOf(name, owner);
    parent.children.set(key, node);
    const selfMicros = self.get(id) ?? 0;
    const total = selfMicros + given.children.reduce((sum, child) => sum + add(node, child), 0);
    node.selfMicros += selfMicros;
    node.totalMicros += total;
    if (parent === root) root.totalMicros += total;
    return total;
  }
}

/** Self time by package in µs, the largest first. */
export function selfTimes(root: CallNode): [string, number][] {
  const sums = new Map<string, number>();
  const open = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    sums.set(node.package, (sums.get(node.package) ?? 0) + node.selfMicros);
    open.push(...node.children.values());
  }
  return [...sums].filter(([, micros]) => micros > 0).sort(([, a], [, b]) => b - a);
}

function nodeOf(name: string, owner: string): CallNode {
  return { name, package: owner, totalMicros: 0, selfMicros: 0, children: new Map() };
}

/** The npm package, the folder under `api`, or the module of Node.js that a function belongs to. */
function packageOf(functionName: string, url: string): string {
  if (functionName === '(garbage collector)') return 'garbage collector';
  const module = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(url)?.[1];
  if (module !== undefined) return module;
  const own = /\/(api\/[^/]+)/.exec(url)?.[1];
  if (own !== undefined) return own;
  return url === ''
    ? `native ${functionName}`
    : url.replace(/^node:internal\//, 'node:').replace(/^(node:[^/]+).*/, '$1');
}
