/** Records the history of a run while it happens: every attempt with its times and its answer, and the steps of the faults. */
import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  type Attempt,
  emptyHistory,
  type FinalState,
  type FixtureIds,
  type History,
  type Operation,
} from './history.ts';

/** See {@link createRecorder}. */
export type Recorder = {
  nowMs(): number;
  begin(operation: Omit<Operation, 'op' | 'attempts'>): Operation;
  invoke(operation: Operation): Attempt;
  end(operation: Operation, attempt: Attempt, result: Omit<Attempt, 'invokedMs' | 'endedMs'>): void;
  fault(fault: string, step: string): void;
  setFixtures(fixtures: FixtureIds): void;
  setFinal(final: FinalState): void;
  history(): History;
  /** Writes what is not yet written. */
  flush(): void;
};

/**
 * Creates a recorder that keeps everything in memory and in a file of JSON lines.
 * @param path of the file; none is written without one
 */
export function createRecorder(seed: number, title: string, path?: string): Recorder {
  const zero = performance.now();
  const history = emptyHistory(seed, title);
  let lines: string[] = [];
  if (path !== undefined) mkdirSync(dirname(path), { recursive: true });

  const nowMs = () => Math.round((performance.now() - zero) * 10) / 10;
  const write = (line: object) => {
    lines.push(JSON.stringify(line));
    if (lines.length >= 500) flush();
  };
  const flush = () => {
    if (path !== undefined && lines.length > 0) appendFileSync(path, `${lines.join('\n')}\n`);
    lines = [];
  };
  write({ line: 'run', seed, title });

  return {
    nowMs,
    begin(given) {
      const operation: Operation = { ...given, op: history.operations.length, attempts: [] };
      history.operations.push(operation);
      return operation;
    },
    invoke(operation) {
      const attempt: Attempt = { invokedMs: nowMs() };
      operation.attempts.push(attempt);
      const { attempts, ...rest } = operation;
      write({ line: 'invoke', ...rest, attempt: attempts.length, atMs: attempt.invokedMs });
      return attempt;
    },
    end(operation, attempt, result) {
      Object.assign(attempt, result, { endedMs: nowMs() });
      const { invokedMs, endedMs, ...answer } = attempt;
      write({
        line: 'end',
        op: operation.op,
        attempt: operation.attempts.indexOf(attempt) + 1,
        atMs: endedMs,
        ...answer,
      });
    },
    fault(fault, step) {
      history.faults.push({ atMs: nowMs(), fault, step });
      write({ line: 'fault', fault, step, atMs: nowMs() });
    },
    setFixtures(fixtures) {
      history.fixtures = fixtures;
      write({ line: 'fixtures', fixtures });
    },
    setFinal(final) {
      history.final = final;
      write({ line: 'final', final });
    },
    history: () => history,
    flush,
  };
}
