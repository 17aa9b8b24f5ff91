/** Shows how far a long piece of work is: a bar on a terminal, else a line every few seconds. */

/** See {@link showProgress}. */
export type Progress = {
  /** @param done how much of all is done, from 0 to 1; undefined where that is not known */
  show(count: number, done?: number): void;
  end(count: number): void;
};

const barWidth = 30;
const intervalMs = { terminal: 100, file: 5000 };

/** @param what is counted, in the plural @param out where it is shown */
export function showProgress(what: string, out: NodeJS.WriteStream = process.stderr): Progress {
  const began = performance.now();
  const every = out.isTTY ? intervalMs.terminal : intervalMs.file;
  let shownAt = began;
  const rate = (count: number) => Math.round(count / Math.max(0.001, (performance.now() - began) / 1000));
  const line = (count: number, done: number | undefined) => {
    const full = Math.round((done ?? 0) * barWidth);
    const bar =
      done === undefined ? '' : `[${'#'.repeat(full)}${' '.repeat(barWidth - full)}] ${Math.round(done * 100)} %  `;
    return `${bar}${count} ${what}, ${rate(count)}/s`;
  };
  return {
    show(count, done) {
      if (performance.now() - shownAt < every) return;
      shownAt = performance.now();
      out.write(out.isTTY ? `\r\x1b[K${line(count, done)}` : `${line(count, done)}\n`);
    },
    end(count) {
      out.write(`${out.isTTY ? '\r\x1b[K' : ''}${line(count, undefined)}\n`);
    },
  };
}
