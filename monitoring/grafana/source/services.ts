/** The services: what they answer, and how their processes are. */
import type { DashboardSource } from './panels.ts';

const routes = 'job="api", service=~"$service"';

/** API. */
export const api: DashboardSource = {
  uid: 'api',
  title: 'API',
  description: 'Rate, errors and duration of each route, as the services see them.',
  byService: true,
  rows: [
    {
      title: 'By route',
      panels: [
        {
          kind: 'graph',
          title: 'Requests',
          description: 'Answered each second.',
          unit: 'reqps',
          queries: [
            [
              `sum by (method, route) (rate(http_requests_total{${routes}, route!="unmatched"}[$__rate_interval]))`,
              '{{method}} {{route}}',
            ],
          ],
          stacked: true,
        },
        {
          kind: 'graph',
          title: 'Answers that are no success',
          description:
            "4xx are mostly the clients' doing, 5xx ours: 503 Redis or overload, 500 a bug. 499 is a client that left.",
          unit: 'reqps',
          queries: [
            [
              `sum by (service, status_code) (rate(http_requests_total{${routes}, status_code=~"[45].."}[$__rate_interval]))`,
              '{{service}} {{status_code}}',
            ],
          ],
        },
        {
          kind: 'graph',
          title: 'Time to answer, p99',
          description:
            'By route, without Nginx. Writes wait for replicas and Sentinels: a few milliseconds, up to 3 s in a failover.',
          unit: 's',
          queries: [
            [
              `histogram_quantile(0.99, sum by (method, route, le) (rate(http_request_duration_seconds_bucket{${routes}, route!="unmatched"}[$__rate_interval])))`,
              '{{method}} {{route}}',
            ],
          ],
          bad: { warn: 0.5, alarm: 1 },
        },
      ],
    },
    {
      title: 'By replica',
      panels: [
        {
          kind: 'graph',
          title: 'Requests',
          description: 'Nginx deals them out in turn: all replicas of a service get the same.',
          unit: 'reqps',
          queries: [[`sum by (instance) (rate(http_requests_total{${routes}}[$__rate_interval]))`, '{{instance}}']],
        },
        {
          kind: 'graph',
          title: 'Requests being worked on',
          description: 'At 400 a replica answers 503 rather than making all of them late.',
          unit: 'short',
          queries: [[`sum by (instance) (http_requests_in_flight{${routes}})`, '{{instance}}']],
          bad: { warn: 200, alarm: 400 },
        },
        {
          kind: 'graph',
          title: 'Redis, as it is felt: p99',
          description:
            'Scripts until their writes cannot be lost, `read` until a replica that is new enough has answered.',
          unit: 's',
          queries: [
            [
              `histogram_quantile(0.99, sum by (command, le) (rate(shop_redis_command_duration_seconds_bucket{${routes}}[$__rate_interval])))`,
              '{{command}}',
            ],
          ],
          bad: { warn: 0.25, alarm: 1 },
        },
      ],
    },
  ],
};

/** Node runtime. */
export const runtime: DashboardSource = {
  uid: 'runtime',
  title: 'Runtime',
  description: 'The Node.js processes of the services, and the machine under them.',
  byService: true,
  rows: [
    {
      title: 'Processes',
      panels: [
        {
          kind: 'graph',
          title: 'Event loop lag, p99',
          description:
            'How late a timer comes. Idle it shows 0.011 s, the resolution of its sampling; above 0.1 s an alert fires.',
          unit: 's',
          queries: [[`max by (instance) (nodejs_eventloop_lag_p99_seconds{${routes}})`, '{{instance}}']],
          bad: { warn: 0.05, alarm: 0.1 },
        },
        {
          kind: 'graph',
          title: 'Processor',
          description: 'Of one core. JavaScript uses one; password hashing and garbage collection more.',
          unit: 'percentunit',
          queries: [
            [`sum by (instance) (rate(process_cpu_seconds_total{${routes}}[$__rate_interval]))`, '{{instance}}'],
          ],
          bad: { warn: 0.8, alarm: 1 },
        },
        {
          kind: 'graph',
          title: 'Memory',
          description: 'Resident. A line that only rises over hours is a leak.',
          unit: 'bytes',
          queries: [[`max by (instance) (process_resident_memory_bytes{${routes}})`, '{{instance}}']],
        },
        {
          kind: 'graph',
          title: 'Heap in use',
          description: 'JavaScript objects, garbage included until it is collected.',
          unit: 'bytes',
          queries: [[`max by (instance) (nodejs_heap_size_used_bytes{${routes}})`, '{{instance}}']],
        },
        {
          kind: 'graph',
          title: 'Garbage collection',
          description: 'Share of time in which a process did nothing else.',
          unit: 'percentunit',
          queries: [
            [`sum by (instance) (rate(nodejs_gc_duration_seconds_sum{${routes}}[$__rate_interval]))`, '{{instance}}'],
          ],
          bad: { warn: 0.05, alarm: 0.2 },
        },
        {
          kind: 'graph',
          title: 'Restarts',
          description: 'Within 10 min. More than 3 and an alert fires.',
          unit: 'short',
          queries: [[`max by (instance) (changes(process_start_time_seconds{${routes}}[10m]))`, '{{instance}}']],
          bad: { warn: 1, alarm: 3 },
        },
      ],
    },
    {
      title: 'Machine',
      panels: [
        {
          kind: 'graph',
          title: 'Processor',
          description: 'Of all cores. Above 90 % for long, Sentinels begin to take slow for dead.',
          unit: 'percentunit',
          max: 1,
          queries: [
            ['1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval]))', '{{instance}}'],
          ],
          bad: { warn: 0.8, alarm: 0.9 },
        },
        {
          kind: 'graph',
          title: 'Memory available',
          description: 'Redis needs as much again as it holds while it writes a snapshot under load.',
          unit: 'bytes',
          queries: [['max by (instance) (node_memory_MemAvailable_bytes)', '{{instance}}']],
        },
        {
          kind: 'graph',
          title: 'Disk left',
          description: 'Of each file system. Redis refuses writes when its disk is full.',
          unit: 'percentunit',
          max: 1,
          queries: [
            [
              'min by (instance, mountpoint) (node_filesystem_avail_bytes{fstype!~"tmpfs|overlay|squashfs|ramfs"} / node_filesystem_size_bytes)',
              '{{instance}} {{mountpoint}}',
            ],
          ],
          bad: { warn: 0.25, alarm: 0.05, below: true },
        },
      ],
    },
  ],
};
