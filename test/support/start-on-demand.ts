/** Starts what the files of a project share when the first of them needs it: an idle shop would take CPU time from the projects before. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { close } from '../../ops/local/ports.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    startUrl: string;
  }
}

/**
 * Serves the request of `await-shared.ts`, which runs before each file of a project: the first request starts what is shared, and each is answered
 * when it has started, with status 500 and the error if it cannot.
 * @returns what ends the server
 */
export async function startOnDemand(project: TestProject, start: () => Promise<void>): Promise<() => Promise<void>> {
  let started: Promise<void> | undefined;
  const server = createServer(async (_req, res) => {
    started ??= start();
    await started.then(
      () => res.end(),
      (error: Error) => res.writeHead(500).end(error.stack),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  project.provide('startUrl', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return () => {
    server.closeAllConnections();
    return close(server);
  };
}
