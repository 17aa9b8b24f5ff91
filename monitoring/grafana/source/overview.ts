/** Overview of the shop, and the dashboard of the business: purchases, stock, backups. */
import { redisRoles } from './infrastructure.ts';
import { type DashboardSource, graph, stat, states } from './panels.ts';

const oversoldUnits = stat('Oversold units', {
  description: 'Recounted once a minute from the stock ledger of every product. Must always be 0.',
  queries: { units: 'max(shop_oversold_units)' },
  thresholds: { warn: 1, alarm: 1 },
});

const purchases = graph('Purchases', {
  description: 'Per minute, by result. `failed`: refused for lack of stock or an unknown product.',
  queries: { '{{result}}': '60 * sum by (result) (rate(shop_purchases_total[$__rate_interval]))' },
});

/** Overview. */
export const overview: DashboardSource = {
  uid: 'overview',
  title: 'Overview',
  description: 'Whether the shop works. If not, see the other dashboards and the runbook linked in the alert mail.',
  rows: {
    Now: [
      stat('Firing alerts', {
        description: 'Including symptoms that another alert explains. Each has a runbook.',
        queries: { firing: 'count(ALERTS{alertstate="firing", severity!="none"}) or vector(0)' },
        thresholds: { warn: 1, alarm: 3 },
      }),
      stat('Availability, 30 days', {
        description: 'Share of answers at Nginx that were not 5xx. The objective is 99.9 %.',
        unit: 'percentunit',
        queries: { availability: '1 - slo:bad:ratio30d{slo="availability"}' },
        thresholds: { warn: 0.9995, alarm: 0.999, below: true },
      }),
      stat('Error budget left', {
        description:
          'Share of the errors that the objective allows in 30 days. Below zero: no risky change until it has recovered.',
        unit: 'percentunit',
        queries: { budget: 'slo:error_budget_left:ratio{slo="availability"}' },
        thresholds: { warn: 0.5, alarm: 0.1, below: true },
      }),
      stat('Redis masters', {
        description: 'Exactly one, except for a few seconds during a failover.',
        queries: { masters: 'count(instance:redis_master:info) or vector(0)' },
        texts: {
          0: { text: 'none', color: 'red' },
          1: { text: 'one', color: 'green' },
          2: { text: 'two', color: 'red' },
        },
      }),
      stat('Service replicas up', {
        description: 'By service. At least two are needed to survive the failure of one.',
        queries: { '{{service}}': 'service:api_up:sum' },
        thresholds: { warn: 2, alarm: 1, below: true },
      }),
      oversoldUnits,
    ],
    'What clients see': [
      graph('Requests', {
        description: 'Answered by Nginx per second, by service.',
        unit: 'reqps',
        queries: { '{{service}}': 'sum by (service) (rate(nginx_client_requests_total[$__rate_interval]))' },
        stacked: true,
      }),
      graph('Error rate', {
        description: 'Share of 5xx answers. An alert fires above 5 % for 45 s.',
        unit: 'percentunit',
        queries: {
          '{{service}}':
            '(sum by (service) (rate(nginx_client_requests_total{status=~"5.."}[$__rate_interval])) or 0 * sum by (service) (rate(nginx_client_requests_total[$__rate_interval]))) / (sum by (service) (rate(nginx_client_requests_total[$__rate_interval])) > 0)',
        },
        thresholds: { warn: 0.01, alarm: 0.05 },
      }),
      graph('Latency', {
        description: 'Percentiles measured at Nginx, including its retries on other replicas.',
        unit: 's',
        queries: {
          p50: 'histogram_quantile(0.5, sum by (le) (rate(nginx_client_request_duration_seconds_bucket[$__rate_interval])))',
          p95: 'histogram_quantile(0.95, sum by (le) (rate(nginx_client_request_duration_seconds_bucket[$__rate_interval])))',
          p99: 'histogram_quantile(0.99, sum by (le) (rate(nginx_client_request_duration_seconds_bucket[$__rate_interval])))',
        },
        thresholds: { warn: 0.5, alarm: 1 },
      }),
    ],
    Infrastructure: [
      redisRoles,
      states('Service replicas', {
        description: 'When each replica was up.',
        queries: { '{{instance}}': 'max by (instance) (up{job="api"})' },
        texts: { 0: { text: 'down', color: 'red' }, 1: { text: 'up', color: 'green' } },
      }),
      purchases,
    ],
  },
};

/** Business & backups. */
export const business: DashboardSource = {
  uid: 'business',
  title: 'Business & backups',
  description: 'Purchases, the stock ledger, backups and the certificate.',
  rows: {
    Now: [
      stat('Purchases, 24 h', {
        description: 'Completed in the last 24 h.',
        queries: { completed: 'sum(increase(shop_purchases_total{result="completed"}[24h]))' },
      }),
      stat('Oldest pending purchase', {
        description: 'Age of the oldest unfinished purchase. An interrupted one is resumed within 30 s.',
        unit: 's',
        queries: { age: 'max(shop_purchases_oldest_pending_seconds)' },
        thresholds: { warn: 15, alarm: 30 },
      }),
      oversoldUnits,
      stat('Last check of the stock ledger', {
        description: 'One replica of products recounts it once a minute.',
        unit: 's',
        queries: { ago: 'time() - max(shop_stock_ledger_checked_timestamp_seconds > 0)' },
        thresholds: { warn: 300, alarm: 1800 },
      }),
      stat('Last backup', {
        description: 'Time since the last verified backup. An alert fires after 26 h.',
        unit: 's',
        queries: { ago: 'time() - max(shop_backup_last_success_timestamp_seconds)' },
        thresholds: { warn: 90_000, alarm: 93_600 },
      }),
      stat('Certificate validity', {
        description: 'Time until the TLS certificate expires.',
        unit: 's',
        queries: { left: 'min(nginx_tls_certificate_not_after_timestamp_seconds) - time()' },
        thresholds: { warn: 2_592_000, alarm: 1_209_600, below: true },
      }),
    ],
    Sales: [
      purchases,
      graph('Unfinished purchases', {
        description:
          'Age of the oldest pending purchase, and of the oldest cancelled one whose stock is not confirmed as returned.',
        unit: 's',
        queries: {
          pending: 'max(shop_purchases_oldest_pending_seconds)',
          'stock to return': 'max(shop_purchases_oldest_release_pending_seconds)',
        },
        thresholds: { warn: 15, alarm: 30 },
      }),
      graph('Sign-ups and sign-ins', {
        description: 'Per minute, by status. Many 401: password guessing. Many 429: clients over their limits.',
        queries: {
          '{{route}} {{status}}':
            '60 * sum by (route, status) (rate(nginx_client_requests_total{method="POST", route=~"/users|/users/login"}[$__rate_interval]))',
        },
      }),
      graph('Products in the catalogue', {
        description: 'Counted by the check of the stock ledger.',
        queries: { products: 'max(shop_products)' },
      }),
    ],
  },
};
