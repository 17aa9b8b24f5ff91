/** Infrastructure: Redis and Sentinels, Nginx, and monitoring itself. */
import { type DashboardSource, graph, stat, states } from './panels.ts';

/** The role of each Redis node over time. */
export const redisRoles = states('Roles of the Redis nodes', {
  about: 'A failover shows as the colour of the master moving to another node.',
  queries: {
    '{{instance}}':
      'max by (instance) (redis_up{job="redis"}) + on (instance) (instance:redis_master:info or 0 * max by (instance) (redis_up{job="redis"}))',
  },
  words: {
    0: { text: 'down', color: 'red' },
    1: { text: 'replica', color: 'blue' },
    2: { text: 'master', color: 'green' },
  },
});

/** Redis & Sentinel. */
export const redis: DashboardSource = {
  uid: 'redis',
  title: 'Redis & Sentinel',
  description: 'Which node is the master, whether the replicas keep up, and how much memory is left.',
  rows: {
    Now: [
      stat('Nodes up', {
        about: 'Of three. With only one, writes stop by design.',
        queries: { nodes: 'sum(redis_up{job="redis"})' },
        bad: { warn: 3, alarm: 2, below: true },
      }),
      stat('Sentinels up', {
        about: 'Of three. With only one, a failed master cannot be replaced.',
        queries: { Sentinels: 'sum(redis_up{job="sentinel"})' },
        bad: { warn: 3, alarm: 2, below: true },
      }),
      stat('Quorum', {
        about: 'Whether the Sentinels report that they could replace the master now.',
        queries: { quorum: 'min(max by (instance) (redis_sentinel_master_ckquorum_status))' },
        words: { 0: { text: 'lost', color: 'red' }, 1: { text: 'ok', color: 'green' } },
      }),
      stat('Memory used', {
        about: 'Share of maxmemory on the fullest node. From 80 % on, sign-ups, products and purchases are refused.',
        unit: 'percentunit',
        queries: { used: 'max(redis_memory_used_bytes{job="redis"} / redis_memory_max_bytes)' },
        bad: { warn: 0.7, alarm: 0.8 },
      }),
    ],
    Replication: [
      redisRoles,
      graph('Replication lag', {
        about:
          'Bytes that a replica has not received yet. Nodes are scraped at slightly different times, so small values mean nothing.',
        unit: 'bytes',
        queries: {
          '{{instance}}':
            'clamp_min(scalar(max(redis_master_repl_offset{job="redis"} and on (instance) instance:redis_master:info)) - max by (instance) (redis_slave_repl_offset{job="redis"}), 0)',
        },
        bad: { warn: 1_048_576, alarm: 16_777_216 },
      }),
      graph('Replication links', {
        about: '1: connected to the master. A replica without a link cannot be elected.',
        queries: { '{{instance}}': 'max by (instance) (redis_master_link_up{job="redis"})' },
        max: 1,
      }),
    ],
    Load: [
      graph('Commands', {
        about: 'Per second. Reads go to replicas, writes to the master.',
        unit: 'ops',
        queries: {
          '{{instance}}': 'sum by (instance) (rate(redis_commands_processed_total{job="redis"}[$__rate_interval]))',
        },
      }),
      graph('Mean command duration', {
        about: 'The eight slowest commands. Redis runs one command at a time: one of 5 ms delays all others.',
        unit: 's',
        queries: {
          '{{cmd}}':
            'topk(8, sum by (cmd) (rate(redis_commands_duration_seconds_total{job="redis", cmd!="psync"}[$__rate_interval])) / (sum by (cmd) (rate(redis_commands_total{job="redis", cmd!="psync"}[$__rate_interval])) > 0))',
        },
        bad: { warn: 0.002, alarm: 0.005 },
      }),
      graph('Memory', {
        about: 'At maxmemory Redis refuses writes; it never evicts keys.',
        unit: 'bytes',
        queries: {
          '{{instance}}': 'max by (instance) (redis_memory_used_bytes{job="redis"})',
          maxmemory: 'min(redis_memory_max_bytes{job="redis"})',
        },
      }),
      graph('Keys', {
        about: 'Keys with an expiry are idempotency records, sessions and reservations.',
        queries: {
          all: 'max(redis_db_keys{job="redis", db="db0"})',
          'with expiry': 'max(redis_db_keys_expiring{job="redis", db="db0"})',
        },
      }),
      graph('Connections', {
        about: 'A few for each process of the shop. A line that keeps rising is a leak.',
        queries: { '{{instance}}': 'max by (instance) (redis_connected_clients)' },
      }),
      graph('Slow commands', {
        about: 'Commands in the slow log: those that took more than 5 ms (`SLOWLOG GET` lists them).',
        queries: { '{{instance}}': 'max by (instance) (redis_slowlog_length{job="redis"})' },
      }),
    ],
  },
};

/** Nginx. */
export const nginx: DashboardSource = {
  uid: 'nginx',
  title: 'Nginx',
  description: 'Requests, answers and retries on another replica, as Nginx sees them.',
  rows: {
    Requests: [
      graph('Requests by route', {
        about: 'Per second.',
        unit: 'reqps',
        queries: {
          '{{method}} {{route}}': 'sum by (method, route) (rate(nginx_client_requests_total[$__rate_interval]))',
        },
        stacked: true,
      }),
      graph('Requests by status', {
        about: '429: rate limited. 499: the client disconnected. 502 and 504: a replica failed.',
        unit: 'reqps',
        queries: { '{{status}}': 'sum by (status) (rate(nginx_client_requests_total[$__rate_interval]))' },
      }),
      graph('Latency, p99', {
        about: 'By service, including retries on other replicas.',
        unit: 's',
        queries: {
          '{{service}}':
            'histogram_quantile(0.99, sum by (service, le) (rate(nginx_client_request_duration_seconds_bucket[$__rate_interval])))',
        },
        bad: { warn: 0.5, alarm: 1 },
      }),
      graph('Retries on another replica', {
        about: 'Per second. A dead replica causes at most one per second; clients do not notice.',
        unit: 'reqps',
        queries: { '{{service}}': 'sum by (service) (rate(nginx_upstream_retries_total[$__rate_interval]))' },
      }),
      graph('Reads faster than 200 ms', {
        about: 'The share of GETs. The objective is 99 %.',
        unit: 'percentunit',
        queries: { reads: '1 - slo:bad:ratio5m{slo="read-latency"}' },
        bad: { warn: 0.995, alarm: 0.99, below: true },
        max: 1,
      }),
      graph('Purchases faster than 500 ms', {
        about: 'The share of POST /purchases. The objective is 99 %.',
        unit: 'percentunit',
        queries: { purchases: '1 - slo:bad:ratio5m{slo="purchase-latency"}' },
        bad: { warn: 0.995, alarm: 0.99, below: true },
        max: 1,
      }),
    ],
    Connections: [
      states('Processes', {
        about: 'With npm start, two processes share one port; a frozen one is killed and restarted within 2 s.',
        queries: { '{{instance}}': 'max by (instance) (nginx_up)' },
        words: { 0: { text: 'down', color: 'red' }, 1: { text: 'up', color: 'green' } },
      }),
      graph('Connections', {
        about: 'Waiting: idle keep-alive connections.',
        queries: {
          reading: 'sum(nginx_connections_reading)',
          writing: 'sum(nginx_connections_writing)',
          waiting: 'sum(nginx_connections_waiting)',
        },
        stacked: true,
      }),
      graph('New connections', {
        about: 'Per second. As many as requests means that clients do not reuse their connections.',
        unit: 'cps',
        queries: { '{{instance}}': 'sum by (instance) (rate(nginx_connections_accepted[$__rate_interval]))' },
      }),
    ],
  },
};

/** Monitoring itself. */
export const monitoring: DashboardSource = {
  uid: 'monitoring',
  title: 'Monitoring',
  description: 'Prometheus and Alertmanager themselves: scrapes, alert mails, firing alerts.',
  rows: {
    Now: [
      stat('Targets down', {
        about: 'Of all that Prometheus scrapes.',
        queries: { down: 'count(up == 0) or vector(0)' },
        bad: { warn: 1, alarm: 2 },
      }),
      stat('Failed alert mails', {
        about: 'Within 5 min. Alertmanager tries them again.',
        queries: { failed: 'sum(increase(alertmanager_notifications_failed_total{integration="email"}[5m]))' },
        bad: { warn: 1, alarm: 1 },
      }),
      stat('Watchdog', {
        about: 'Always fires. The service at HEARTBEAT_URL raises an alarm when it stops arriving.',
        queries: { watchdog: 'count(ALERTS{alertname="Watchdog", alertstate="firing"}) or vector(0)' },
        words: { 0: { text: 'silent', color: 'red' }, 1: { text: 'alive', color: 'green' } },
      }),
      stat('Rule failures', {
        about: 'A rule that cannot be evaluated is an alert that cannot fire.',
        queries: { failed: 'sum(increase(prometheus_rule_evaluation_failures_total[5m]))' },
        bad: { warn: 1, alarm: 1 },
      }),
    ],
    Alerts: [
      states('Alerts over time', {
        about: 'Firing alerts, including inhibited symptoms.',
        queries: { '{{alertname}} {{severity}}': 'max by (alertname, severity) (ALERTS{alertstate="firing"})' },
        words: { 1: { text: 'firing', color: 'red' } },
      }),
      graph('Alert mails', {
        about: 'Sent within the last hour.',
        queries: { sent: 'sum(increase(alertmanager_notifications_total{integration="email"}[1h]))' },
      }),
    ],
    Prometheus: [
      graph('Scrape duration', {
        about: 'The slowest target of each job. Near the timeout (3 s) samples go missing.',
        unit: 's',
        queries: { '{{job}}': 'max by (job) (scrape_duration_seconds)' },
        bad: { warn: 1, alarm: 3 },
      }),
      graph('Series', {
        about: 'A jump means a label with too many values, such as a raw path or an id.',
        queries: { series: 'max(prometheus_tsdb_head_series)' },
      }),
      graph('Memory of the monitoring processes', {
        about: 'Resident memory.',
        unit: 'bytes',
        queries: { '{{job}}': 'max by (job) (process_resident_memory_bytes{job!="api"})' },
      }),
    ],
  },
};
