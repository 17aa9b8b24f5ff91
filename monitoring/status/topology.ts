/** Which processes there are and how they are, from Prometheus alone: the same for processes and containers. */
import type { Prometheus, Series } from './prometheus.ts';

/** One process or container. `requestsPerS` for services and Nginx, `role` and `lagBytes` for Redis. */
type Node = {
  readonly name: string;
  readonly isUp: boolean;
  readonly role?: 'master' | 'replica';
  readonly lagBytes?: number;
  readonly requestsPerS?: number;
};
/** Nodes of one kind, such as all replicas of `users`. */
type Group = {
  readonly kind: 'nginx' | 'service' | 'redis' | 'sentinel';
  readonly name: string;
  readonly nodes: readonly Node[];
};

/** What the page asks Prometheus about the parts of the shop. */
export const topologyQueries = {
  nginx: 'max by (instance) (nginx_up)',
  nginxRate: 'sum by (instance) (rate(nginx_http_requests_total[20s]))',
  services: 'max by (service, instance) (up{job="api"})',
  serviceRate: 'sum by (instance) (rate(http_requests_total{job="api"}[20s]))',
  redis: 'max by (instance) (redis_up{job="redis"})',
  master: 'instance:redis_master:info',
  lag: 'instance:redis_replication_lag:bytes',
  sentinels: 'max by (instance) (redis_up{job="sentinel"})',
} as const;

type QueryName = keyof typeof topologyQueries;

/** The processes that are there now. @throws when Prometheus does not answer */
export async function readTopology(prometheus: Prometheus): Promise<Group[]> {
  const names = Object.keys(topologyQueries) as QueryName[];
  const answers = await Promise.all(names.map((name) => prometheus.instant(topologyQueries[name])));
  const of = (name: QueryName): Series[] => answers[names.indexOf(name)] ?? [];
  const valueFor = (name: QueryName, instance: string) =>
    of(name).find(({ labels }) => labels.instance === instance)?.points[0]?.[1];
  const rate = (name: 'nginxRate' | 'serviceRate', instance: string) => {
    const value = valueFor(name, instance);
    return value === undefined || Number.isNaN(value) ? {} : { requestsPerS: value };
  };
  const nodes = (series: Series[], more: (instance: string) => Partial<Node> = () => ({})): Node[] =>
    series
      .map(({ labels: { instance = '' }, points }) => ({
        name: instance,
        isUp: points[0]?.[1] === 1,
        ...more(instance),
      }))
      .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));

  const services = [...new Set(of('services').map(({ labels }) => labels.service ?? ''))].sort();
  return [
    { kind: 'nginx', name: 'Nginx', nodes: nodes(of('nginx'), (instance) => rate('nginxRate', instance)) },
    ...services.map((service): Group => {
      const own = of('services').filter(({ labels }) => labels.service === service);
      return { kind: 'service', name: service, nodes: nodes(own, (instance) => rate('serviceRate', instance)) };
    }),
    {
      kind: 'redis',
      name: 'Redis',
      nodes: nodes(of('redis'), (instance) => {
        if (valueFor('redis', instance) !== 1) return {};
        if (valueFor('master', instance) !== undefined) return { role: 'master' };
        const lag = valueFor('lag', instance);
        return { role: 'replica', ...(lag === undefined || Number.isNaN(lag) ? {} : { lagBytes: lag }) };
      }),
    },
    { kind: 'sentinel', name: 'Sentinels', nodes: nodes(of('sentinels')) },
  ];
}
