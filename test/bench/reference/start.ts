/** The references: the least that a service in Node.js can do, behind the same Nginx and on the same three Redis as the shop. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Shop } from '../../../ops/local/shop.ts';
import { waitFor } from '../../support/wait.ts';
import { redisPortsOf } from '../subjects.ts';

/** How long a process may take to start, in ms. */
const startMs = 60_000;
/** Two processes each, like the shop's services. */
const processes = 2;
const kinds = ['express-read', 'http-read', 'express-write'] as const;
type Kind = (typeof kinds)[number];

/** The references while they run. */
export type References = { readonly url: string; close(): Promise<void> };

/**
 * Starts the references beside a shop.
 * @param productId a product: Nginx's own answer has the bytes of `express-read`'s for it
 */
export async function startReferences(shop: Shop, productId: string): Promise<References> {
  const { settings } = shop;
  const redisPorts = await redisPortsOf(shop);
  const nginxPort = settings.portBase + 500; // above those of the services
  const dir = mkdtempSync(join(tmpdir(), 'references-'));
  const children: ChildProcess[] = [];
  const inherited = settings.inherited;

  const portOf = (kind: Kind, number: number) => nginxPort + 10 * (kinds.indexOf(kind) + 1) + number;
  function startService(kind: Kind, number: number) {
    const file = join(settings.projectDir, 'test', 'bench', 'reference', `${kind}.ts`);
    const env = {
      ...inherited,
      NODE_ENV: 'production',
      PORT: String(portOf(kind, number)),
      // Reads from a replica each, like the shop's; writes on the master.
      REDIS_PORT: String(redisPorts[kind === 'express-write' ? 0 : number]),
      REDIS_PASSWORD: settings.secrets.REDIS_PASSWORD_OPERATOR ?? '',
    };
    const options: SpawnOptions = { cwd: settings.projectDir, env, stdio: ['ignore', 'ignore', 'inherit'] };
    children.push(spawn(process.execPath, ['--import', 'tsx', file], options));
  }

  async function close() {
    await Promise.all(
      children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        child.kill('SIGTERM'); // Nginx ends its workers with it
        await ended;
      }),
    );
    rmSync(dir, { recursive: true, force: true });
  }

  const numbers = Array.from({ length: processes }, (_, i) => i + 1);
  try {
    for (const kind of kinds) for (const number of numbers) startService(kind, number);
    const urlOf = (kind: Kind, number: number) => `http://127.0.0.1:${portOf(kind, number)}`;
    const bodies = await Promise.all(
      (['express-read', 'http-read'] as const).flatMap((kind) =>
        numbers.map((number) => textOf(`${urlOf(kind, number)}/${kind}/${productId}`)),
      ),
    );
    await Promise.all(numbers.map((number) => isListening(urlOf('express-write', number))));
    const servers = (kind: Kind) => numbers.map((number) => `server 127.0.0.1:${portOf(kind, number)};`).join(' ');
    const values: Record<string, string> = {
      DIR: dir,
      WORKERS: String(processes),
      PORT: String(nginxPort),
      EXPRESS_READ: servers('express-read'),
      HTTP_READ: servers('http-read'),
      EXPRESS_WRITE: servers('express-write'),
      BODY: (bodies[0] ?? '').replaceAll('\\', '\\\\').replaceAll("'", "\\'"),
    };
    const template = readFileSync(new URL('./nginx.conf', import.meta.url), 'utf8');
    const config = template.replace(/\$\{([A-Z_]+)\}/g, (_, name: string) => values[name] ?? '');
    writeFileSync(join(dir, 'nginx.conf'), config);
    const command = ['-p', dir, '-e', 'stderr', '-c', join(dir, 'nginx.conf')];
    children.push(spawn('nginx', command, { env: inherited, stdio: ['ignore', 'ignore', 'inherit'] }));
    const url = `http://127.0.0.1:${nginxPort}`;
    await textOf(`${url}/express-read/${productId}`);
    return { url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The body behind a URL once it is answered with 200. */
function textOf(url: string): Promise<string> {
  return waitFor(
    `200 from ${url}`,
    async () => {
      const answer = await fetch(url);
      return answer.ok ? answer.text() : undefined;
    },
    startMs,
  );
}

function isListening(url: string): Promise<boolean> {
  return waitFor(`an answer from ${url}`, async () => (await fetch(url)).status > 0, startMs);
}
