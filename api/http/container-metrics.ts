/** Memory of the container in which this process runs, against its limit. A process outside of a container has no such series. */
import { readFileSync } from 'node:fs';
import { Counter, Gauge, type Registry } from 'prom-client';

/**
 * Adds the series, read at each scrape, if this process has a memory limit.
 * @param folder of the process' own cgroup
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html (memory.current, memory.max, memory.events)
 */
export function watchContainer(registry: Registry, folder = '/sys/fs/cgroup'): void {
  const limitBytes = Number(read(folder, 'memory.max')); // `max`: there is no limit
  if (!(limitBytes > 0)) return;
  const registers = [registry];
  new Gauge({ name: 'container_memory_limit_bytes', help: 'What the container may use', registers }).set(limitBytes);
  new Gauge({
    name: 'container_memory_usage_bytes',
    help: 'What the container uses, without file cache that the kernel can drop',
    registers,
    collect() {
      const inactive = /^inactive_file (\d+)$/m.exec(read(folder, 'memory.stat'))?.[1] ?? 0;
      this.set(Number(read(folder, 'memory.current')) - Number(inactive));
    },
  });
  let counted = 0;
  new Counter({
    name: 'container_oom_kills_total',
    help: 'Processes of this container that the kernel ended for lack of memory; the end of the main process resets it',
    registers,
    collect() {
      const kills = Number(/^oom_kill (\d+)$/m.exec(read(folder, 'memory.events'))?.[1] ?? 0);
      this.inc(Math.max(0, kills - counted));
      counted = kills;
    },
  });
}

function read(folder: string, file: string): string {
  try {
    return readFileSync(`${folder}/${file}`, 'utf8').trim();
  } catch {
    return ''; // cgroup v1, or no cgroup at all
  }
}
