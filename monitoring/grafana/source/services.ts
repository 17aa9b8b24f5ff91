/** The services: requests by route and replica, and their Node.js processes. */
import { type DashboardSource, graph } from './panels.ts';

const routes = 'job="api", service=~"$service"';

/** API. */
export const api: DashboardSource = {
  uid: 'api',
  title: 'API',
  description: 'Rate, errors and duration of each route, as the services see them.',
  byService: true,
  rows: {
    'By route': [
      graph('Requests', {
        description: 'Answered per second.',
        unit: 'reqps',
        queries: {
          '{{method}} {{route}}': `sum by (method, route) (rate(http_requests_total{${routes}, route!="unmatched"}[$__rate_interval]))`,
        },
        stacked: true,
      }),
      graph('Errors', {
        description:
          '4xx: mostly faults of clients. 5xx: ours (503: Redis or overload, 500: a bug). 499: the client disconnected.',
        unit: 'reqps',
        queries: {
          '{{service}} {{status_code}}': `sum by (service, status_code) (rate(http_requests_total{${routes}, status_code=~"[45].."}[$__rate_interval]))`,
        },
      }),
      graph('Latency, p99', {
        description:
          'By route, without Nginx. Writes wait for replicas and Sentinels: a few milliseconds, up to 3 s in a failover.',
        unit: 's',
        queries: {
          '{{method}} {{route}}': `histogram_quantile(0.99, sum by (method, route, le) (rate(http_request_duration_seconds_bucket{${routes}, route!="unmatched"}[$__rate_interval])))`,
        },
        thresholds: { warn: 0.5, alarm: 1 },
      }),
    ],
    'By replica': [
      graph('Requests', {
        description: 'Per second. Nginx balances round-robin: all replicas of a service get about the same.',
        unit: 'reqps',
        queries: { '{{instance}}': `sum by (instance) (rate(http_requests_total{${routes}}[$__rate_interval]))` },
      }),
      graph('Requests in flight', {
        description: 'From 400 on, a replica sheds load: it answers 503.',
        queries: { '{{instance}}': `sum by (instance) (http_requests_in_flight{${routes}})` },
        thresholds: { warn: 200, alarm: 400 },
      }),
      graph('Redis latency, p99', {
        description:
          'As the services measure it. Scripts: until the write is durable. `read`: until an up-to-date replica has answered.',
        unit: 's',
        queries: {
          '{{command}}': `histogram_quantile(0.99, sum by (command, le) (rate(shop_redis_command_duration_seconds_bucket{${routes}}[$__rate_interval])))`,
        },
        thresholds: { warn: 0.25, alarm: 1 },
      }),
    ],
  },
};

/** Node runtime. */
export const runtime: DashboardSource = {
  uid: 'runtime',
  title: 'Runtime',
  description: 'The Node.js processes of the services, and the machine under them.',
  byService: true,
  rows: {
    Processes: [
      graph('Event loop lag, p99', {
        description:
          'How late a timer fires. An idle process shows 0.011 s, the sampling resolution. An alert fires above 0.1 s.',
        unit: 's',
        queries: { '{{instance}}': `max by (instance) (nodejs_eventloop_lag_p99_seconds{${routes}})` },
        thresholds: { warn: 0.05, alarm: 0.1 },
      }),
      graph('CPU', {
        description: 'Share of one core. JavaScript uses one; password hashing and garbage collection use more.',
        unit: 'percentunit',
        queries: { '{{instance}}': `sum by (instance) (rate(process_cpu_seconds_total{${routes}}[$__rate_interval]))` },
        thresholds: { warn: 0.8, alarm: 1 },
      }),
      graph('Memory', {
        description: 'Resident memory. A line that only rises over hours is a leak.',
        unit: 'bytes',
        queries: { '{{instance}}': `max by (instance) (process_resident_memory_bytes{${routes}})` },
      }),
      graph('Heap used', {
        description: 'JavaScript objects, garbage included until it is collected.',
        unit: 'bytes',
        queries: { '{{instance}}': `max by (instance) (nodejs_heap_size_used_bytes{${routes}})` },
      }),
      graph('Garbage collection', {
        description: 'Share of time spent in garbage collection.',
        unit: 'percentunit',
        queries: {
          '{{instance}}': `sum by (instance) (rate(nodejs_gc_duration_seconds_sum{${routes}}[$__rate_interval]))`,
        },
        thresholds: { warn: 0.05, alarm: 0.2 },
      }),
      graph('Restarts', {
        description: 'Within 10 min. An alert fires above 3.',
        queries: { '{{instance}}': `max by (instance) (changes(process_start_time_seconds{${routes}}[10m]))` },
        thresholds: { warn: 1, alarm: 3 },
      }),
    ],
    Machine: [
      graph('CPU', {
        description: 'Share of all cores. If it stays above 90 %, Sentinels may take a slow node for a failed one.',
        unit: 'percentunit',
        queries: {
          '{{instance}}': '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval]))',
        },
        thresholds: { warn: 0.8, alarm: 0.9 },
        max: 1,
      }),
      graph('Memory available', {
        description: 'While Redis writes a snapshot under load, it needs up to twice its memory.',
        unit: 'bytes',
        queries: { '{{instance}}': 'max by (instance) (node_memory_MemAvailable_bytes)' },
      }),
      graph('Disk space left', {
        description: 'Share of each file system. Redis refuses writes when its disk is full.',
        unit: 'percentunit',
        queries: {
          '{{instance}} {{mountpoint}}':
            'min by (instance, mountpoint) (node_filesystem_avail_bytes{fstype!~"tmpfs|overlay|squashfs|ramfs"} / node_filesystem_size_bytes)',
        },
        thresholds: { warn: 0.25, alarm: 0.05, below: true },
        max: 1,
      }),
    ],
  },
};
