/** Infrastructure: Redis and Sentinels, Nginx, and monitoring itself. */
import { type DashboardSource, graph, stat, states } from './panels.ts';

/** The role of each Redis node over time. */
export const redisRoles = states('Roles of the Redis nodes', {
  description: 'A failover shows as the colour of the master moving to another node.',
  queries: {
    '{{instance}}':
      'max by (instance) (redis_up{job="redis"}) + on (instance) (instance:redis_master:info or 0 * max by (instance) (redis_up{job="redis"}))',
  },
  texts: {
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
        description: 'Of three. With only one, writes stop by design.',
        queries: { nodes: 'sum(redis_up{job="redis"})' },
        thresholds: { warn: 3, alarm: 2, below: true },
      }),
      stat('Sentinels up', {
        description: 'Of three. With only one, a failed master cannot be replaced.',
        queries: { Sentinels: 'sum(redis_up{job="sentinel"})' },
        thresholds: { warn: 3, alarm: 2, below: true },
      }),
      stat('Quorum', {
        description: 'Whether the Sentinels report that they could replace the master now.',
        queries: { quorum: 'min(max by (instance) (redis_sentinel_master_ckquorum_status))' },
        texts: { 0: { text: 'lost', color: 'red' }, 1: { text: 'ok', color: 'green' } },
      }),
      stat('Memory used', {
        description:
          'Share of maxmemory on the fullest node. From 80 % on, sign-ups, products and purchases are refused.',
        unit: 'percentunit',
        queries: { used: 'max(redis_memory_used_bytes{job="redis"} / redis_memory_max_bytes)' },
        thresholds: { warn: 0.7, alarm: 0.8 },
      }),
    ],
    Replication: [
      redisRoles,
      graph('Replication lag', {
        description:
          'Bytes that a replica has not received yet. Nodes are scraped at slightly different times, so small values mean nothing.',
        unit: 'bytes',
        queries: {
          '{{instance}}': 'instance:redis_replication_lag:bytes',
        },
        thresholds: { warn: 1_048_576, alarm: 16_777_216 },
      }),
      graph('Replication links', {
        description: '1: connected to the master. A replica without a link cannot be elected.',
        queries: { '{{instance}}': 'max by (instance) (redis_master_link_up{job="redis"})' },
        max: 1,
      }),
    ],
    Load: [
      graph('Commands', {
        description: 'Per second. Reads go to replicas, writes to the master.',
        unit: 'ops',
        queries: {
          '{{instance}}': 'sum by (instance) (rate(redis_commands_processed_total{job="redis"}[$__rate_interval]))',
        },
      }),
      graph('Mean command duration', {
        description: 'The eight slowest commands. Redis runs one command at a time: one of 5 ms delays all others.',
        unit: 's',
        queries: {
          '{{cmd}}':
            'topk(8, sum by (cmd) (rate(redis_commands_duration_seconds_total{job="redis", cmd!="psync"}[$__rate_interval])) / (sum by (cmd) (rate(redis_commands_total{job="redis", cmd!="psync"}[$__rate_interval])) > 0))',
        },
        thresholds: { warn: 0.002, alarm: 0.005 },
      }),
      graph('Memory', {
        description: 'At maxmemory Redis refuses writes; it never evicts keys.',
        unit: 'bytes',
        queries: {
          '{{instance}}': 'max by (instance) (redis_memory_used_bytes{job="redis"})',
          maxmemory: 'min(redis_memory_max_bytes{job="redis"})',
        },
      }),
      graph('Keys', {
        description: 'Keys with an expiry are idempotency records, sessions and reservations.',
        queries: {
          all: 'max(redis_db_keys{job="redis", db="db0"})',
          'with expiry': 'max(redis_db_keys_expiring{job="redis", db="db0"})',
        },
      }),
      graph('Connections', {
        description: 'A few for each process of the shop. A line that keeps rising is a leak.',
        queries: { '{{instance}}': 'max by (instance) (redis_connected_clients)' },
      }),
      graph('Slow commands', {
        description: 'Commands in the slow log: those that took more than 5 ms (`SLOWLOG GET` lists them).',
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
        description: 'Per second.',
        unit: 'reqps',
        queries: {
          '{{method}} {{route}}': 'sum by (method, route) (rate(nginx_client_requests_total[$__rate_interval]))',
        },
        stacked: true,
      }),
      graph('Requests by status', {
        description: '429: rate limited. 499: the client disconnected. 502 and 504: a replica failed.',
        unit: 'reqps',
        queries: { '{{status}}': 'sum by (status) (rate(nginx_client_requests_total[$__rate_interval]))' },
      }),
      graph('Latency, p99', {
        description: 'By service, including retries on other replicas.',
        unit: 's',
        queries: {
          '{{service}}':
            'histogram_quantile(0.99, sum by (service, le) (rate(nginx_client_request_duration_seconds_bucket[$__rate_interval])))',
        },
        thresholds: { warn: 0.5, alarm: 1 },
      }),
      graph('Retries on another replica', {
        description: 'Per second. A dead replica causes at most one per second; clients do not notice.',
        unit: 'reqps',
        queries: { '{{service}}': 'sum by (service) (rate(nginx_upstream_retries_total[$__rate_interval]))' },
      }),
      graph('Reads faster than 200 ms', {
        description: 'The share of GETs. The objective is 99 %.',
        unit: 'percentunit',
        queries: { reads: '1 - slo:bad:ratio5m{slo="read-latency"}' },
        thresholds: { warn: 0.995, alarm: 0.99, below: true },
        max: 1,
      }),
      graph('Purchases faster than 500 ms', {
        description: 'The share of POST /purchases. The objective is 99 %.',
        unit: 'percentunit',
        queries: { purchases: '1 - slo:bad:ratio5m{slo="purchase-latency"}' },
        thresholds: { warn: 0.995, alarm: 0.99, below: true },
        max: 1,
      }),
    ],
    Connections: [
      states('Processes', {
        description: 'With npm start, two processes share one port; a frozen one is killed and restarted within 2 s.',
        queries: { '{{instance}}': 'max by (instance) (nginx_up)' },
        texts: { 0: { text: 'down', color: 'red' }, 1: { text: 'up', color: 'green' } },
      }),
      graph('Connections', {
        description: 'Waiting: idle keep-alive connections.',
        queries: {
          reading: 'sum(nginx_connections_reading)',
          writing: 'sum(nginx_connections_writing)',
          waiting: 'sum(nginx_connections_waiting)',
        },
        stacked: true,
      }),
      graph('New connections', {
        description: 'Per second. As many as requests means that clients do not reuse their connections.',
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
        description: 'Of all that Prometheus scrapes.',
        queries: { down: 'count(up == 0) or vector(0)' },
        thresholds: { warn: 1, alarm: 2 },
      }),
      stat('Failed alert mails', {
        description: 'Within 5 min. Alertmanager tries them again.',
        queries: { failed: 'sum(increase(alertmanager_notifications_failed_total{integration="email"}[5m]))' },
        thresholds: { warn: 1, alarm: 1 },
      }),
      stat('Watchdog', {
        description: 'Always fires. The service at HEARTBEAT_URL raises an alarm when it stops arriving.',
        queries: { watchdog: 'count(ALERTS{alertname="Watchdog", alertstate="firing"}) or vector(0)' },
        texts: { 0: { text: 'silent', color: 'red' }, 1: { text: 'alive', color: 'green' } },
      }),
      stat('Rule failures', {
        description: 'A rule that cannot be evaluated is an alert that cannot fire.',
        queries: { failed: 'sum(increase(prometheus_rule_evaluation_failures_total[5m]))' },
        thresholds: { warn: 1, alarm: 1 },
      }),
    ],
    Alerts: [
      states('Alerts over time', {
        description: 'Firing alerts, including inhibited symptoms.',
        queries: { '{{alertname}} {{severity}}': 'max by (alertname, severity) (ALERTS{alertstate="firing"})' },
        texts: { 1: { text: 'firing', color: 'red' } },
      }),
      graph('Alert mails', {
        description: 'Sent within the last hour.',
        queries: { sent: 'sum(increase(alertmanager_notifications_total{integration="email"}[1h]))' },
      }),
    ],
    Prometheus: [
      graph('Scrape duration', {
        description: 'The slowest target of each job. Near the timeout (3 s) samples go missing.',
        unit: 's',
        queries: { '{{job}}': 'max by (job) (scrape_duration_seconds)' },
        thresholds: { warn: 1, alarm: 3 },
      }),
      graph('Series', {
        description: 'A jump means a label with too many values, such as a raw path or an id.',
        queries: { series: 'max(prometheus_tsdb_head_series)' },
      }),
      graph('Memory of the monitoring processes', {
        description: 'Resident memory.',
        unit: 'bytes',
        queries: { '{{job}}': 'max by (job) (process_resident_memory_bytes{job!="api"})' },
      }),
    ],
  },
};
