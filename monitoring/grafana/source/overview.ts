/** The first look: is the shop well, and where to look next. And what the business sees of it. */
import type { DashboardSource } from './panels.ts';

const upDown = { 0: ['down', 'red'], 1: ['up', 'green'] } as const;

/** Overview. */
export const overview: DashboardSource = {
  uid: 'overview',
  title: 'Overview',
  description: 'Is the shop well? If not, the other dashboards and the runbook in the alert mail say more.',
  rows: [
    {
      title: 'Now',
      panels: [
        {
          kind: 'stat',
          title: 'Firing alerts',
          description: 'Alerts that fire now, symptoms that a known cause explains included. Each has a runbook.',
          unit: 'short',
          queries: [['count(ALERTS{alertstate="firing", severity!="none"}) or vector(0)', 'firing']],
          bad: { warn: 1, alarm: 3 },
        },
        {
          kind: 'stat',
          title: 'Availability, 30 days',
          description: 'Answers of Nginx that were not 5xx. The objective is 99.9 %.',
          unit: 'percentunit',
          queries: [['1 - slo:bad:ratio30d{slo="availability"}', 'availability']],
          bad: { warn: 0.9995, alarm: 0.999, below: true },
        },
        {
          kind: 'stat',
          title: 'Error budget left',
          description: 'Of what the objective allows in 30 days. Below zero: no risky change until it has recovered.',
          unit: 'percentunit',
          queries: [['slo:error_budget_left:ratio{slo="availability"}', 'budget']],
          bad: { warn: 0.5, alarm: 0.1, below: true },
        },
        {
          kind: 'stat',
          title: 'Redis masters',
          description: 'Exactly one, but for the seconds of a failover.',
          unit: 'short',
          queries: [['count(instance:redis_master:info) or vector(0)', 'masters']],
          words: { 0: ['none', 'red'], 1: ['one', 'green'], 2: ['two', 'red'] },
        },
        {
          kind: 'stat',
          title: 'Replicas that answer',
          description: 'Of each service. Two is the least that survives the death of one.',
          unit: 'short',
          queries: [['service:api_up:sum', '{{service}}']],
          bad: { warn: 2, alarm: 1, below: true },
        },
        {
          kind: 'stat',
          title: 'Oversold units',
          description: 'From adding up the stock ledger of every product, once a minute. Must be 0, always.',
          unit: 'short',
          queries: [['max(shop_oversold_units)', 'units']],
          bad: { warn: 1, alarm: 1 },
        },
      ],
    },
    {
      title: 'What clients see',
      panels: [
        {
          kind: 'graph',
          title: 'Requests',
          description: 'Answered by Nginx each second, by service.',
          unit: 'reqps',
          queries: [['sum by (service) (rate(edge_http_requests_total[$__rate_interval]))', '{{service}}']],
          stacked: true,
        },
        {
          kind: 'graph',
          title: 'Errors',
          description: 'The share of answers 5xx. Above 5 % for 45 s an alert fires.',
          unit: 'percentunit',
          queries: [
            [
              '(sum by (service) (rate(edge_http_requests_total{status=~"5.."}[$__rate_interval])) or 0 * sum by (service) (rate(edge_http_requests_total[$__rate_interval]))) / (sum by (service) (rate(edge_http_requests_total[$__rate_interval])) > 0)',
              '{{service}}',
            ],
          ],
          bad: { warn: 0.01, alarm: 0.05 },
        },
        {
          kind: 'graph',
          title: 'Time to answer',
          description: 'Half, 95 % and 99 % of all answers come within this time, Nginx and its repetitions included.',
          unit: 's',
          queries: [
            [
              'histogram_quantile(0.5, sum by (le) (rate(edge_http_request_duration_seconds_bucket[$__rate_interval])))',
              'p50',
            ],
            [
              'histogram_quantile(0.95, sum by (le) (rate(edge_http_request_duration_seconds_bucket[$__rate_interval])))',
              'p95',
            ],
            [
              'histogram_quantile(0.99, sum by (le) (rate(edge_http_request_duration_seconds_bucket[$__rate_interval])))',
              'p99',
            ],
          ],
          bad: { warn: 0.5, alarm: 1 },
        },
      ],
    },
    {
      title: 'What it runs on',
      panels: [
        {
          kind: 'states',
          title: 'Redis nodes',
          description: 'Who is up, and who is the master: a failover is where the colour moves.',
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
          kind: 'states',
          title: 'Replicas of the services',
          description: 'Which replica answered when.',
          unit: 'short',
          queries: [['max by (instance) (up{job="api"})', '{{instance}}']],
          words: upDown,
        },
        {
          kind: 'graph',
          title: 'Purchases',
          description:
            'Each minute, by what became of them. `failed` is a refusal for lack of stock or an unknown product.',
          unit: 'short',
          queries: [['60 * sum by (result) (rate(shop_purchases_total[$__rate_interval]))', '{{result}}']],
        },
      ],
    },
  ],
};

/** Business & backups. */
export const business: DashboardSource = {
  uid: 'business',
  title: 'Business & backups',
  description: 'What the shop sells, whether its books add up, and whether they could be restored.',
  rows: [
    {
      title: 'Now',
      panels: [
        {
          kind: 'stat',
          title: 'Purchases today',
          description: 'Completed within 24 h.',
          unit: 'short',
          queries: [['sum(increase(shop_purchases_total{result="completed"}[24h]))', 'completed']],
        },
        {
          kind: 'stat',
          title: 'Oldest pending purchase',
          description: 'One that is neither done nor refused. Left half-way, it is finished within 30 s.',
          unit: 's',
          queries: [['max(shop_purchases_oldest_pending_seconds)', 'age']],
          bad: { warn: 15, alarm: 30 },
        },
        {
          kind: 'stat',
          title: 'Oversold units',
          description: 'Must be 0, always.',
          unit: 'short',
          queries: [['max(shop_oversold_units)', 'units']],
          bad: { warn: 1, alarm: 1 },
        },
        {
          kind: 'stat',
          title: 'Stock ledger last added up',
          description: 'Once a minute by one replica of products.',
          unit: 's',
          queries: [['time() - max(shop_stock_ledger_checked_timestamp_seconds > 0)', 'ago']],
          bad: { warn: 300, alarm: 1800 },
        },
        {
          kind: 'stat',
          title: 'Last backup',
          description: 'Since the last one that was made and verified. More than 26 h and an alert fires.',
          unit: 's',
          queries: [['time() - max(shop_backup_last_success_timestamp_seconds)', 'ago']],
          bad: { warn: 90_000, alarm: 93_600 },
        },
        {
          kind: 'stat',
          title: 'Certificate',
          description: 'How long HTTPS clients still trust the shop.',
          unit: 's',
          queries: [['min(edge_tls_certificate_not_after_timestamp_seconds) - time()', 'left']],
          bad: { warn: 2_592_000, alarm: 1_209_600, below: true },
        },
      ],
    },
    {
      title: 'Selling',
      panels: [
        {
          kind: 'graph',
          title: 'Purchases',
          description: 'Each minute, by what became of them.',
          unit: 'short',
          queries: [['60 * sum by (result) (rate(shop_purchases_total[$__rate_interval]))', '{{result}}']],
        },
        {
          kind: 'graph',
          title: 'Purchases that wait',
          description:
            'Age of the oldest one that is not finished, and of the oldest cancelled one whose stock is not known to be back.',
          unit: 's',
          queries: [
            ['max(shop_purchases_oldest_pending_seconds)', 'pending'],
            ['max(shop_purchases_oldest_owed_seconds)', 'stock owed'],
          ],
          bad: { warn: 15, alarm: 30 },
        },
        {
          kind: 'graph',
          title: 'Sign-ups and sign-ins',
          description:
            'Each minute, by answer: many 401 mean guessed passwords, many 429 mean clients over their limits.',
          unit: 'short',
          queries: [
            [
              '60 * sum by (route, status) (rate(edge_http_requests_total{method="POST", route=~"/users|/users/login"}[$__rate_interval]))',
              '{{route}} {{status}}',
            ],
          ],
        },
        {
          kind: 'graph',
          title: 'Products in the catalogue',
          description: 'As the walk of the stock ledger counts them.',
          unit: 'short',
          queries: [['max(shop_products)', 'products']],
        },
      ],
    },
  ],
};
