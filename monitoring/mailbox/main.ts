/**
 * The mailbox for a shop without a mail server (no SMTP_URL): takes every mail and puts it into a folder, one file each, named by time
 * and subject. `.eml` opens in any mail program. `npm run shop -- status` says where.
 *
 * Environment: HOST, PORT, MAIL_DIR.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { SMTPServer, type SMTPServerDataStream } from 'smtp-server';
import { z } from 'zod';
import { fileNameOf } from './mail.ts';

const settings = z
  .object({
    HOST: z.string().default('127.0.0.1'),
    PORT: z.coerce.number().int().min(1).max(65535),
    MAIL_DIR: z.string().min(1),
  })
  .parse(process.env);

/** The oldest are deleted beyond this. */
const keptMails = 200;
mkdirSync(settings.MAIL_DIR, { recursive: true });

const server = new SMTPServer({
  disabledCommands: ['AUTH', 'STARTTLS'], // on this machine only
  size: 1024 * 1024,
  logger: false,
  onData(stream, _session, done) {
    receive(stream).then(() => done(), done);
  },
});
server.on('error', (error) => {
  process.stderr.write(`${JSON.stringify({ level: 50, service: 'mailbox', msg: error.message })}\n`);
  if ('code' in error && error.code === 'EADDRINUSE') process.exit(1);
});
server.listen(settings.PORT, settings.HOST);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));

async function receive(stream: SMTPServerDataStream): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) if (!stream.sizeExceeded) chunks.push(chunk);
  if (stream.sizeExceeded) throw new Error('message too large');
  await store(Buffer.concat(chunks));
}

async function store(mail: Buffer): Promise<void> {
  const name = await fileNameOf(mail, new Date());
  // Renamed when complete: a reader of the folder never sees half a mail.
  const unfinished = join(settings.MAIL_DIR, `.${name}`);
  writeFileSync(unfinished, mail);
  renameSync(unfinished, join(settings.MAIL_DIR, name));
  const all = readdirSync(settings.MAIL_DIR).filter((file) => file.endsWith('.eml'));
  for (const old of all.sort().slice(0, -keptMails)) rmSync(join(settings.MAIL_DIR, old));
  process.stdout.write(`${JSON.stringify({ level: 30, service: 'mailbox', msg: 'mail', file: name })}\n`);
}
