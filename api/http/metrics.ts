/** What Prometheus scrapes of a service: rate, errors and duration by route, and the Node runtime. */
import type { RequestHandler } from 'express';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { watchContainer } from './container-metrics.ts';

/** See {@link createMetrics}. */
export type Metrics = {
  readonly registry: Registry;
  /** Measures every request; the route is the one the handler left in `res.locals.route`, never the raw URL. */
  readonly measure: RequestHandler;
  /** Shows how far Redis' clocks are ahead of ours, as `differences` says when Prometheus asks. */
  readonly watchClocks: (differences: () => ReadonlyMap<string, number>) => void;
  /** Takes how long a script or query of Redis took, as its caller experienced it. */
  readonly observeRedis: (command: string, seconds: number) => void;
};

const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10];

/**
 * Creates a registry with everything that all services measure.
 * @param version of the shop: of the image, or of package.json
 */
export function createMetrics(service: string, version: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  watchContainer(registry);
  new Gauge({
    name: 'shop_build_info',
    help: 'Always 1; the label is the version of the shop that runs here',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version }, 1);
  const labelNames = ['method', 'route', 'status_code'];
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer',
    labelNames,
    buckets: secondsBuckets,
    registers: [registry],
  });
  const total = new Counter({
    name: 'http_requests_total',
    help: 'Requests answered',
    labelNames,
    registers: [registry],
  });
  const inFlight = new Gauge({
    name: 'http_requests_in_flight',
    help: 'Requests being worked on',
    registers: [registry],
  });
  const redis = new Histogram({
    name: 'shop_redis_command_duration_seconds',
    help: 'Scripts until their writes could not be lost, queries of replicas (read) until one that is new enough has answered',
    labelNames: ['command'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  return {
    registry,
    watchClocks(differences) {
      new Gauge({
        name: 'shop_redis_clock_difference_seconds',
        help: "How far a Redis node's clock is ahead of the clock of this process",
        labelNames: ['node'],
        registers: [registry],
        collect() {
          this.reset();
          for (const [node, ms] of differences()) this.set({ node }, ms / 1000);
        },
      });
    },
    observeRedis: (command, seconds) => redis.observe({ command }, seconds),
    measure(req, res, next) {
      const end = duration.startTimer();
      inFlight.inc();
      res.once('close', () => {
        inFlight.dec();
        const status = res.writableFinished ? res.statusCode : 499; // 499: the client went away first
        const labels = { method: req.method, route: String(res.locals.route ?? 'unmatched'), status_code: status };
        end(labels);
        total.inc(labels);
      });
      next();
    },
  };
}
