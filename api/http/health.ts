/** Health of this process and of the shop. Redis plays no part in it, or a failover would make every replica unready at once. */
import { type RequestHandler, Router } from 'express';
import { deadlineIn } from '../core/clock.ts';
import { refuse } from '../core/outcome.ts';
import { type ServiceName, serviceNames } from '../services.ts';
import type { InternalClient } from './client.ts';
import { sendRefusal } from './errors.ts';

/** Whether this process takes requests. */
export type Readiness = {
  /** `starting` until the service is prepared, `draining` from SIGTERM on. */
  state(): 'starting' | 'ready' | 'draining';
  drain(): void;
};

/** @param isPrepared whether the service has done what must come before its first request */
export function createReadiness(isPrepared: () => boolean): Readiness {
  let draining = false;
  return {
    state() {
      if (draining) return 'draining';
      return isPrepared() ? 'ready' : 'starting';
    },
    drain() {
      draining = true;
    },
  };
}

/** `/livez` and `/readyz` of the process; `/healthz`, which asks every service whether any of its replicas is ready. */
export function healthRoutes(readiness: Readiness, client: Pick<InternalClient, 'get'>): Router {
  const livez: RequestHandler = (_req, res) => {
    res.json({ status: 'alive' });
  };
  const readyz: RequestHandler = (_req, res) => {
    const status = readiness.state();
    res.status(status === 'ready' ? 200 : 503).json({ status });
  };
  const healthz: RequestHandler = async (req, res) => {
    const requestId = String(req.id);
    const answers = await Promise.all(
      serviceNames.map(async (name) => ({ name, ready: await hasReadyReplica(name, requestId) })),
    );
    const services = answers.filter((answer) => !answer.ready).map((answer) => answer.name);
    if (services.length === 0) res.set('Cache-Control', 'no-store').json({ status: 'ok' });
    else
      sendRefusal(
        res,
        refuse('temporarily-unavailable', `No replica is ready of: ${services.join(', ')}.`, { services }),
      );
  };

  async function hasReadyReplica(service: ServiceName, requestId: string): Promise<boolean> {
    return client.get(`/internal/ready/${service}`, requestId, deadlineIn(2000)).then(
      () => true,
      () => false,
    );
  }

  return Router().get('/livez', livez).get('/readyz', readyz).get('/healthz', healthz);
}
