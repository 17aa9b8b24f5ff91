// Ports for shops of tests.
import { close, isPortFree, listen } from '../../ops/local/ports.ts';

/**
 * Finds 1000 ports for a shop of its own, below those that the kernel gives to outgoing connections.
 * Two tests at once never get the same: the first port, which no shop uses, stays taken until `release()`.
 */
export async function reservePorts(): Promise<{ portBase: number; release: () => Promise<void> }> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    // From 11000 on: fetch refuses 10080, an old port of amanda, as a "bad port".
    const portBase = 11_000 + 1000 * Math.floor(Math.random() * 21);
    const claim = await listen(portBase, '127.0.0.1');
    if (claim === undefined) continue;
    const probes = [1, 2, 3, 11, 12, 13, 21, 22, 23, 24, 25, 26, 27, 80, 81, 82, 91, 92, 101, 201, 301, 443].map(
      (offset) => isPortFree(portBase + offset, '127.0.0.1'),
    );
    if ((await Promise.all(probes)).every(Boolean)) return { portBase, release: () => close(claim) };
    await close(claim);
  }
  throw new Error('No 1000 free ports found between 11000 and 32000 after 100 attempts.');
}
