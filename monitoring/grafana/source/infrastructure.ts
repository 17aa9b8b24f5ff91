/** What the services stand on: Redis and Sentinels, Nginx, and monitoring itself. */
import type { DashboardSource } from './panels.ts';

/** Redis & Sentinel. */
export const redis: DashboardSource = {
  uid: 'redis',
  title: 'Redis & Sentinel',
  description: 'Who is the master, whether the replicas keep up, and whether there is room.',
  rows: [
    {
      title: 'Now',
      panels: [
        {
          kind: 'stat',
          title: 'Nodes up',
          description: 'Of three. With one, writes stop; that is on purpose.',
          unit: 'short',
          queries: [['sum(redis_up{job="redis"})', 'nodes']],
          bad: { warn: 3, alarm: 2, below: true },
        },
        {
          kind: 'stat',
          title: 'Sentinels up',
          description: 'Of three. With one, a failed master cannot be replaced.',
          unit: 'short',
          queries: [['sum(redis_up{job="sentinel"})', 'Sentinels']],
          bad: { warn: 3, alarm: 2, below: true },
        },
        {
          kind: 'stat',
          title: 'Quorum',
          description: 'What the Sentinels themselves say: could they replace the master now?',
          unit: 'short',
          queries: [['min(max by (instance) (redis_sentinel_master_ckquorum_status))', 'quorum']],
          words: { 0: ['lost', 'red'], 1: ['ok', 'green'] },
        },
        {
          kind: 'stat',
          title: 'Memory used',
          description: 'Of maxmemory, on the fullest node. From 80 % on the shop no longer grows.',
          unit: 'percentunit',
          queries: [['max(redis_memory_used_bytes{job="redis"} / redis_memory_max_bytes)', 'used']],
          bad: { warn: 0.7, alarm: 0.8 },
        },
      ],
    },
    {
      title: 'Replication',
      panels: [
        {
          kind: 'states',
          title: 'Who is what',
          description: 'A failover is where the colour moves.',
          unit: 'short',
          queries: [
            [
              'max by (instance) (redis_up{job="redis"}) + on (instance) (instance:redis_master:info or 0 * max by (instance) (redis_up{job="redis"}))',
              '{{instance}}',
            ],
          ],
          words: { 0: ['down', 'red'], 1: ['replica', 'blue'], 2: ['master', 'green'] },
        },
        {
          kind: 'graph',
          title: 'Behind the master',
          description:
            'Bytes of writes that a replica does not have yet; nodes are scraped a moment apart, so a little is nothing.',
          unit: 'bytes',
          queries: [
            [
              'clamp_min(scalar(max(redis_master_repl_offset{job="redis"} and on (instance) instance:redis_master:info)) - max by (instance) (redis_slave_repl_offset{job="redis"}), 0)',
              '{{instance}}',
            ],
          ],
          bad: { warn: 1_048_576, alarm: 16_777_216 },
        },
        {
          kind: 'graph',
          title: 'Links to the master',
          description: '1: connected. A replica without a link cannot be elected.',
          unit: 'short',
          max: 1,
          queries: [['max by (instance) (redis_master_link_up{job="redis"})', '{{instance}}']],
        },
      ],
    },
    {
      title: 'Load',
      panels: [
        {
          kind: 'graph',
          title: 'Commands',
          description: 'Each second. Reads go to replicas, writes to the master.',
          unit: 'ops',
          queries: [
            ['sum by (instance) (rate(redis_commands_processed_total{job="redis"}[$__rate_interval]))', '{{instance}}'],
          ],
        },
        {
          kind: 'graph',
          title: 'Time for each command',
          description: 'Mean, of the commands that take most. Anything near 5 ms holds up all others.',
          unit: 's',
          queries: [
            [
              'topk(8, sum by (cmd) (rate(redis_commands_duration_seconds_total{job="redis", cmd!="psync"}[$__rate_interval])) / (sum by (cmd) (rate(redis_commands_total{job="redis", cmd!="psync"}[$__rate_interval])) > 0))',
              '{{cmd}}',
            ],
          ],
          bad: { warn: 0.002, alarm: 0.005 },
        },
        {
          kind: 'graph',
          title: 'Memory',
          description: 'Full means that writes are refused, never that something is forgotten.',
          unit: 'bytes',
          queries: [
            ['max by (instance) (redis_memory_used_bytes{job="redis"})', '{{instance}}'],
            ['min(redis_memory_max_bytes{job="redis"})', 'maxmemory'],
          ],
        },
        {
          kind: 'graph',
          title: 'Keys',
          description: 'Those that end by themselves are stored answers, sessions, reservations.',
          unit: 'short',
          queries: [
            ['max(redis_db_keys{job="redis", db="db0"})', 'all'],
            ['max(redis_db_keys_expiring{job="redis", db="db0"})', 'that end by themselves'],
          ],
        },
        {
          kind: 'graph',
          title: 'Connections',
          description: 'A handful for each process of the shop. A line that rises is a leak.',
          unit: 'short',
          queries: [['max by (instance) (redis_connected_clients)', '{{instance}}']],
        },
        {
          kind: 'graph',
          title: 'Slow commands',
          description: 'Slower than 5 ms, as many as are in the slow log (`SLOWLOG GET` says which).',
          unit: 'short',
          queries: [['max by (instance) (redis_slowlog_length{job="redis"})', '{{instance}}']],
        },
      ],
    },
  ],
};

/** Nginx. */
export const nginx: DashboardSource = {
  uid: 'nginx',
  title: 'Nginx',
  description: 'The edge: what comes in, what goes out, and how often another replica had to be asked.',
  rows: [
    {
      title: 'Requests',
      panels: [
        {
          kind: 'graph',
          title: 'By route',
          description: 'Each second.',
          unit: 'reqps',
          queries: [
            ['sum by (method, route) (rate(edge_http_requests_total[$__rate_interval]))', '{{method}} {{route}}'],
          ],
          stacked: true,
        },
        {
          kind: 'graph',
          title: 'By status',
          description: '429 are the limits at work, 499 clients that left, 502 and 504 replicas that fail.',
          unit: 'reqps',
          queries: [['sum by (status) (rate(edge_http_requests_total[$__rate_interval]))', '{{status}}']],
        },
        {
          kind: 'graph',
          title: 'Time to answer, p99',
          description: 'By service, repetitions on other replicas included.',
          unit: 's',
          queries: [
            [
              'histogram_quantile(0.99, sum by (service, le) (rate(edge_http_request_duration_seconds_bucket[$__rate_interval])))',
              '{{service}}',
            ],
          ],
          bad: { warn: 0.5, alarm: 1 },
        },
        {
          kind: 'graph',
          title: 'Asked another replica',
          description: 'Each second. A dead replica costs one at most each second; clients see nothing of it.',
          unit: 'reqps',
          queries: [['sum by (service) (rate(edge_upstream_retries_total[$__rate_interval]))', '{{service}}']],
        },
        {
          kind: 'graph',
          title: 'Reads faster than 200 ms',
          description: 'The share of GETs. The objective is 99 %.',
          unit: 'percentunit',
          max: 1,
          queries: [['1 - slo:bad:ratio5m{slo="read-latency"}', 'reads']],
          bad: { warn: 0.995, alarm: 0.99, below: true },
        },
        {
          kind: 'graph',
          title: 'Purchases faster than 500 ms',
          description: 'The share of POST /purchases. The objective is 99 %.',
          unit: 'percentunit',
          max: 1,
          queries: [['1 - slo:bad:ratio5m{slo="purchase-latency"}', 'purchases']],
          bad: { warn: 0.995, alarm: 0.99, below: true },
        },
      ],
    },
    {
      title: 'Connections',
      panels: [
        {
          kind: 'states',
          title: 'Processes',
          description: 'As processes two share one port; a frozen one is killed and replaced within 2 s.',
          unit: 'short',
          queries: [['max by (instance) (nginx_up)', '{{instance}}']],
          words: { 0: ['down', 'red'], 1: ['up', 'green'] },
        },
        {
          kind: 'graph',
          title: 'Connections',
          description: 'Waiting ones are kept alive for their next request.',
          unit: 'short',
          queries: [
            ['sum(nginx_connections_reading)', 'reading'],
            ['sum(nginx_connections_writing)', 'writing'],
            ['sum(nginx_connections_waiting)', 'waiting'],
          ],
          stacked: true,
        },
        {
          kind: 'graph',
          title: 'New connections',
          description: 'Each second. Many more than requests would be clients that do not keep theirs.',
          unit: 'cps',
          queries: [['sum by (instance) (rate(nginx_connections_accepted[$__rate_interval]))', '{{instance}}']],
        },
      ],
    },
  ],
};

/** Monitoring itself. */
export const monitoring: DashboardSource = {
  uid: 'monitoring',
  title: 'Monitoring',
  description: 'Who watches the watchers: are all scraped, do the mails go out, what fires.',
  rows: [
    {
      title: 'Now',
      panels: [
        {
          kind: 'stat',
          title: 'Targets down',
          description: 'Of all that Prometheus scrapes.',
          unit: 'short',
          queries: [['count(up == 0) or vector(0)', 'down']],
          bad: { warn: 1, alarm: 2 },
        },
        {
          kind: 'stat',
          title: 'Mails failed',
          description: 'Within 5 min. Alertmanager tries them again.',
          unit: 'short',
          queries: [['sum(increase(alertmanager_notifications_failed_total{integration="email"}[5m]))', 'failed']],
          bad: { warn: 1, alarm: 1 },
        },
        {
          kind: 'stat',
          title: 'Watchdog',
          description: 'Always fires; what is at HEARTBEAT_URL has to miss it.',
          unit: 'short',
          queries: [['count(ALERTS{alertname="Watchdog", alertstate="firing"}) or vector(0)', 'watchdog']],
          words: { 0: ['silent', 'red'], 1: ['alive', 'green'] },
        },
        {
          kind: 'stat',
          title: 'Rules that fail',
          description: 'A rule that cannot be evaluated is an alert that cannot fire.',
          unit: 'short',
          queries: [['sum(increase(prometheus_rule_evaluation_failures_total[5m]))', 'failed']],
          bad: { warn: 1, alarm: 1 },
        },
      ],
    },
    {
      title: 'Alerts',
      panels: [
        {
          kind: 'states',
          title: 'Alerts over time',
          description: 'Those that fire; held-back symptoms included.',
          unit: 'short',
          queries: [['max by (alertname, severity) (ALERTS{alertstate="firing"})', '{{alertname}} {{severity}}']],
          words: { 1: ['firing', 'red'] },
        },
        {
          kind: 'graph',
          title: 'Mails',
          description: 'Sent within the last hour.',
          unit: 'short',
          queries: [['sum(increase(alertmanager_notifications_total{integration="email"}[1h]))', 'sent']],
        },
      ],
    },
    {
      title: 'Prometheus',
      panels: [
        {
          kind: 'graph',
          title: 'Time of a scrape',
          description: 'The slowest of each job. Near the time-out (3 s) its numbers go missing.',
          unit: 's',
          queries: [['max by (job) (scrape_duration_seconds)', '{{job}}']],
          bad: { warn: 1, alarm: 3 },
        },
        {
          kind: 'graph',
          title: 'Series',
          description: 'A jump is a label that grew: a raw path, an id.',
          unit: 'short',
          queries: [['max(prometheus_tsdb_head_series)', 'series']],
        },
        {
          kind: 'graph',
          title: 'Memory of the watchers',
          description: 'Resident.',
          unit: 'bytes',
          queries: [['max by (job) (process_resident_memory_bytes{job!="api"})', '{{job}}']],
        },
      ],
    },
  ],
};
