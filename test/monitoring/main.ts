/**
 * The long proof: every fault, in a shop of its own, and the table of its mails and how soon they came.
 *
 *   node --import tsx test/monitoring/main.ts [WORD]     only faults with WORD in their name
 *
 * Takes 2 to 3 minutes for each. Exits with 1 if a fault brought no mail, another one than it should, or more than one.
 */
import process from 'node:process';
import { collectMails, type Fault, faults } from './faults.ts';

/** Longer than any symptom waits before it fires. */
const quietMs = 75_000;

const [word = ''] = process.argv.slice(2);
console.log('| fault | alert | mail after | mails | resolved after | subject |\n|---|---|---|---|---|---|');
let wrong = 0;
for (const fault of faults.filter(({ name }) => name.includes(word))) {
  const row = await rowOf(fault).catch((error: Error) => {
    wrong += 1;
    return `| ${fault.name} | ${fault.alert} | ${error.message} | | | |`;
  });
  console.log(row);
}
process.exit(wrong === 0 ? 0 : 1);

async function rowOf(fault: Fault): Promise<string> {
  const { seconds, subjects, overSeconds, mail } = await collectMails(fault, quietMs);
  if (subjects.length !== 1 || !mail.text.replace(/=\r?\n/g, '').includes(`runbooks/${fault.alert}`)) wrong += 1;
  const over = overSeconds === undefined ? '' : `${Math.round(overSeconds)} s`;
  return `| ${fault.name} | ${fault.alert} | ${Math.round(seconds)} s | ${subjects.length} | ${over} | ${subjects.join('; ')} |`;
}
