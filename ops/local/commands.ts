// `npm run shop -- COMMAND`: commands for a shop that runs in another terminal.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCommandLine } from '../command-line.ts';
import { askControl } from './control.ts';
import { mailDir } from './monitoring.ts';
import { keepSetting } from './secrets.ts';
import type { ProcessStatus } from './status.ts';
import { shownPath, tableOf } from './table.ts';

const usage = `npm run shop -- COMMAND

  status [--json]     every process: role, port, state, log
  kill NAME           kill it at once (SIGKILL); it is started again
  pause NAME          freeze it (SIGSTOP)
  resume NAME         resume it (SIGCONT)
  restart NAME        stop it (SIGTERM; Nginx: SIGQUIT) and start it again
  scale SERVICE N     run N replicas of a service until the shop stops (to keep them: REPLICAS_<SERVICE> in .env)
  memory SIZE         give every Redis node another maxmemory, such as 1gb, without a restart (also in .env)
  stop                stop the whole shop; the data is kept
  help                print this text

NAME as in the status, such as redis-1 or users-2.`;

/** The newest alert mails of a shop without a mail server, oldest first. */
function mailLines(dir: string): string[] {
  const folder = mailDir(dir);
  const mails = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.eml')) : [];
  if (mails.length === 0) return [];
  const shown = mails.sort().slice(-5);
  return [
    '',
    `Alert mails (${mails.length}), the newest last:`,
    ...shown.map((name) => `  ${shownPath(join(folder, name))}`),
  ];
}

/**
 * Runs a command and prints its result.
 * @param dir the folder of the shop, usually `.shop`
 * @param envFile where a changed setting is kept, usually `.env`
 * @returns the exit code
 */
export async function runCommand(dir: string, envFile: string, args: string[]): Promise<number> {
  const options = { json: { type: 'boolean' }, help: { type: 'boolean' } } as const;
  const given = readCommandLine({ args, options, allowPositionals: true }, usage);
  if (typeof given === 'number') return given;
  const [command = 'help', ...operands] = given.positionals;
  if (command === 'help') {
    console.log(usage);
    return 0;
  }
  const wanted = { status: 0, stop: 0, kill: 1, pause: 1, resume: 1, restart: 1, memory: 1, scale: 2 }[command];
  if (wanted === undefined || operands.length !== wanted) {
    const fault =
      wanted === undefined
        ? `There is no command '${command}'.`
        : `'${command}' takes ${['no argument', 'one argument', 'two arguments'][wanted]}, not ${operands.length}.`;
    console.error(`${fault}\n\n${usage}`);
    return 2;
  }
  const path = `/${[command, ...operands].map(encodeURIComponent).join('/')}`;
  const answer = await askControl(dir, command === 'status' ? 'GET' : 'POST', path);
  if (answer === undefined) {
    console.error(`No shop runs in ${dir}: start it with npm start.`);
    return 1;
  }
  if (command === 'status' && answer.status === 200) {
    const status = answer.body as ProcessStatus[];
    if (given.values.json) console.log(JSON.stringify(status, null, 2));
    else console.log([...tableOf(status), ...mailLines(dir)].join('\n'));
    return 0;
  }
  const { message } = answer.body as { message: string };
  if (answer.status >= 400) {
    console.error(message);
    return 1;
  }
  console.log(message);
  if (command === 'memory') keepSetting(envFile, 'REDIS_MAXMEMORY', operands[0] ?? '');
  // Returns when the shop is down, so that a script can rely on it.
  if (command === 'stop') while ((await askControl(dir, 'GET', '/status')) !== undefined) await sleep(200);
  return 0;
}
