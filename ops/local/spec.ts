// What one process of the shop is, and which ports the shop uses.
import { serviceNames } from '../../api/services.ts';

/** `redis`, `sentinel`, `nginx`, `backup`, the name of a service, or of a process of monitoring. */
export type Kind = string;

/** One process: how it is started, asked, and stopped. */
export type ProcessSpec = {
  /** Such as `users-2`: also its folder in `.shop/` and its log. */
  name: string;
  kind: Kind;
  /** 0: none. */
  port: number;
  command: string[];
  env: Record<string, string>;
  /** How to ask whether it works; see health.ts. */
  health: { ask: 'redis' | 'sentinel' | 'http' | 'monitoring' | 'tcp' | 'backup'; port: number; path: string };
  /** The shop works without this process: the start does not wait for it. */
  isOptional?: true;
  /** Asks the process to finish its work and exit. */
  stopSignal: NodeJS.Signals;
  /** SIGKILL follows after this time. */
  stopMs: number;
  /** What the kernel sends the process when its supervisor has died. */
  deathSignal: 'KILL' | 'TERM';
  /** The processes with the lowest number stop first, together; the next when they have exited. */
  stopOrder: number;
};

export const masterName = 'shop';
export const localhost = '127.0.0.1';

/** `127.0.0.1:port`. */
export const addressOf = (port: number) => `${localhost}:${port}`;

/** All ports of the shop but the two for clients, counted from `portBase`; `number` counts from 1. */
export function portsFrom(portBase: number) {
  return {
    redis: (number: number) => portBase + number,
    sentinel: (number: number) => portBase + 10 + number,
    prometheus: portBase + 21,
    alertmanager: portBase + 22,
    redisExporter: portBase + 23,
    /** TCP for Prometheus, UDP for the access log of Nginx. */
    nginxExporter: portBase + 24,
    nodeExporter: portBase + 25,
    mailbox: portBase + 26,
    status: portBase + 27,
    /** Internal calls between services, shared by all Nginx. */
    internal: portBase + 81,
    /** One for each Nginx, for the watchdog and the counters. */
    watch: (number: number) => portBase + 90 + number,
    service: (service: string, number: number) =>
      portBase + 100 * ([...serviceNames].indexOf(service as never) + 1) + number,
  };
}

/** See {@link portsFrom}. */
export type Ports = ReturnType<typeof portsFrom>;

/**
 * The command that runs a program of our own; the name of its source follows, such as `api/main.ts`. No client can set `__proto__`; stack traces
 * name the TypeScript; new objects get half the room that Node gives them, which is 15 MB less for an idle process and some 2 % more CPU under load
 * (a quarter of the room: 40 % more CPU for a purchase).
 */
export const nodeCommand: readonly string[] = [
  process.execPath,
  '--disable-proto=delete',
  '--enable-source-maps',
  '--max-semi-space-size=8',
];
