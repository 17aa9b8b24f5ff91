/** Requests of a process to others, and its timers. */
import { type Network, type Process, perform, send } from './network.ts';
import type { Simulator } from './simulator.ts';

/** Who asks. */
type Asker = { readonly sim: Simulator; readonly net: Network; readonly process: Process };

/**
 * A request to another process. `ask` runs there, and gives its answer to the function that it is passed, when it likes.
 * @param timeoutMs after this, `onReply` gets `undefined`
 */
export function request<T>(
  asker: Asker,
  to: Process,
  timeoutMs: number,
  ask: (reply: (answer: T) => void) => void,
  onReply: (answer: T | undefined) => void,
): void {
  const { net, process, sim } = asker;
  const call: Call<T> = { isOpen: true, isTimed: false, untilMs: sim.nowMs + timeoutMs, asker, onReply };
  const setTimer = () => timeOut(call);
  send(net, process, to, () => ask((answer) => send(net, to, process, () => finish(call, answer), setTimer)), setTimer);
}

type Call<T> = {
  isOpen: boolean;
  isTimed: boolean;
  readonly untilMs: number;
  readonly asker: Asker;
  readonly onReply: (answer: T | undefined) => void;
};

function finish<T>(call: Call<T>, answer: T | undefined): void {
  if (!call.isOpen) return;
  call.isOpen = false;
  call.onReply(answer);
}

/** Most requests are answered at once: the timeout is set when a message is late or lost. */
function timeOut<T>(call: Call<T>): void {
  if (call.isTimed) return;
  call.isTimed = true;
  const { sim, process } = call.asker;
  sim.at(call.untilMs, () => perform(process, () => finish(call, undefined)));
}

/** Runs an action of a process after a time on its own clock. */
export function later({ sim, process }: Asker, delayMs: number, action: () => void): void {
  sim.after(delayMs / process.clock.rate, () => perform(process, action));
}

/** Calls `ask` once for each of `of`; `onAll` gets the answers in the same order when the last one is there. */
export function gather<A, B>(
  of: readonly A[],
  ask: (one: A, done: (answer: B) => void) => void,
  onAll: (answers: B[]) => void,
): void {
  const answers: B[] = [];
  let left = of.length;
  if (left === 0) onAll([]);
  of.forEach((one, i) => {
    ask(one, (answer) => {
      answers[i] = answer;
      left--;
      if (left === 0) onAll(answers);
    });
  });
}
