// Loaded into the services of some chaos shops before their own code: on SIGUSR2 does to the process, from the inside, what the file
// named by CHAOS_COMMAND says.
import { readFileSync } from 'node:fs';

const commands = {
  throw: () => {
    throw new Error('chaos: an error that nothing catches');
  },
  reject: () => void Promise.reject(new Error('chaos: a rejection that nothing catches')),
  block: () => {
    const untilMs = Date.now() + 5000;
    while (Date.now() < untilMs);
  },
  fill: () => {
    const hoard = [];
    setInterval(() => hoard.push(Array.from({ length: 500_000 }, (_, i) => ({ i }))), 20);
  },
  // The clock goes wrong by this many ms; those of Redis and of the kernel stay right.
  'clock+': () => shift(60_000),
  'clock-': () => shift(-60_000),
};

function shift(ms) {
  const now = Date.now.bind(Date);
  Date.now = () => now() + ms;
}

process.on('SIGUSR2', () => {
  const command = readFileSync(process.env.CHAOS_COMMAND, 'utf8').trim();
  setImmediate(commands[command]);
});
