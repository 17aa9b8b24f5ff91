/** The probe: whether the public listener answers, tried as a client would. It counts into the availability objective. */
import { request } from 'node:https';
import { Gauge, type Registry } from 'prom-client';
import { connectTo, type TlsTarget } from './tls-target.ts';

const probeIntervalMs = 5000;
const probeTimeoutMs = 3000;

/**
 * Probes now and then every 5 s.
 * @returns a function that stops it
 */
export function startProbe(registry: Registry, target: TlsTarget): () => void {
  const success = new Gauge({
    name: 'shop_probe_success',
    help: '1 if the public listener answered the last probe with any HTTP status, else 0',
    labelNames: ['target'],
    registers: [registry],
  });
  const seconds = new Gauge({
    name: 'shop_probe_duration_seconds',
    help: 'How long the last successful probe took, TLS handshake included',
    labelNames: ['target'],
    registers: [registry],
  });
  const probeOnce = async () => {
    const startedMs = performance.now();
    const answered = await probe(target).catch(() => false);
    success.set({ target: target.address }, answered ? 1 : 0);
    if (answered) seconds.set({ target: target.address }, (performance.now() - startedMs) / 1000);
  };
  void probeOnce();
  const timer = setInterval(() => void probeOnce(), probeIntervalMs);
  return () => clearInterval(timer);
}

/**
 * Asks for /healthz, which the counts of clients' requests leave out. Any HTTP answer is a success: a 503 of a service that is down is counted
 * where it happens.
 * @throws when there is no answer within `timeoutMs`
 */
export function probe(target: TlsTarget, timeoutMs = probeTimeoutMs): Promise<true> {
  return new Promise((resolve, reject) => {
    // A connection of its own each time: a kept one would not notice that no new client gets in.
    const createConnection = () => connectTo(target, timeoutMs);
    const req = request(`https://${target.address}/healthz`, { createConnection }, (res) => {
      res.resume();
      resolve(true);
    });
    req.on('error', reject);
    req.end();
  });
}
