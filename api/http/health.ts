/** Health: of this process, which Redis has no part in (or a failover would unready everybody), and of the shop. */
import { type RequestHandler, Router } from 'express';
import { deadlineIn } from '../core/clock.ts';
import { refuse } from '../core/outcome.ts';
import { type ServiceName, serviceNames } from '../services.ts';
import type { InternalClient } from './client.ts';
import { sendRefusal } from './errors.ts';

/** Whether this process takes requests. */
export type Readiness = { isReady(): boolean; drain(): void };

/** Ready from the start; not any more once it drains. */
export function openReadiness(): Readiness {
  let ready = true;
  return {
    isReady: () => ready,
    drain() {
      ready = false;
    },
  };
}

/** `/livez` and `/readyz` of the process; `/healthz`, which asks every service whether any of its replicas is ready. */
export function healthRoutes(readiness: Readiness, client: Pick<InternalClient, 'get'>): Router {
  const livez: RequestHandler = (_req, res) => {
    res.json({ status: 'alive' });
  };
  const readyz: RequestHandler = (_req, res) => {
    res.status(readiness.isReady() ? 200 : 503).json({ status: readiness.isReady() ? 'ready' : 'draining' });
  };
  const healthz: RequestHandler = async (_req, res) => {
    const answers = await Promise.all(serviceNames.map(async (name) => ({ name, ready: await hasReadyReplica(name) })));
    const services = answers.filter((answer) => !answer.ready).map((answer) => answer.name);
    if (services.length === 0) res.set('Cache-Control', 'no-store').json({ status: 'ok' });
    else
      sendRefusal(
        res,
        refuse('temporarily-unavailable', `No replica is ready of: ${services.join(', ')}.`, { services }),
      );
  };

  async function hasReadyReplica(service: ServiceName): Promise<boolean> {
    return client.get(`/internal/ready/${service}`, deadlineIn(2000)).then(
      () => true,
      () => false,
    );
  }

  return Router().get('/livez', livez).get('/readyz', readyz).get('/healthz', healthz);
}
