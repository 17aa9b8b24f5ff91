/** The probe of the public listener, as a client would ask: whether it answers, which counts into the availability objective, and its certificate. */
import { request } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { Gauge, type Registry } from 'prom-client';
import { connectTo, type TlsTarget } from './tls-target.ts';

const probeIntervalMs = 5000;
const probeTimeoutMs = 3000;

/**
 * Probes now and then every 5 s.
 * @returns a function that stops it
 */
export function startProbe(registry: Registry, target: TlsTarget): () => void {
  const gauge = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ['target'], registers: [registry] });
  const success = gauge(
    'shop_probe_success',
    '1 if the public listener answered the last probe with any HTTP status, else 0',
  );
  const seconds = gauge(
    'shop_probe_duration_seconds',
    'How long the last successful probe took, TLS handshake included',
  );
  const notAfter = gauge(
    'nginx_tls_certificate_not_after_timestamp_seconds',
    'When the certificate that Nginx presents expires; the last one seen while Nginx does not answer',
  );
  const labels = { target: target.address };
  const probeOnce = async () => {
    const startedMs = performance.now();
    const expiresAtS = await probe(target).catch(() => undefined);
    success.set(labels, expiresAtS === undefined ? 0 : 1);
    if (expiresAtS === undefined) return;
    seconds.set(labels, (performance.now() - startedMs) / 1000);
    notAfter.set(labels, expiresAtS);
  };
  void probeOnce();
  const timer = setInterval(() => void probeOnce(), probeIntervalMs);
  return () => clearInterval(timer);
}

/**
 * Asks for /healthz, which the counts of clients' requests leave out. Any HTTP answer is a success: a 503 of a service that is down is counted
 * where it happens.
 * @returns when the certificate expires, in seconds since 1970
 * @throws when there is no answer within `timeoutMs`
 */
export function probe(target: TlsTarget, timeoutMs = probeTimeoutMs): Promise<number> {
  return new Promise((resolve, reject) => {
    // A connection of its own each time: a kept one would not notice that no new client gets in.
    const createConnection = () => connectTo(target, timeoutMs);
    const req = request(`https://${target.address}/healthz`, { createConnection }, (res) => {
      const { valid_to } = (res.socket as TLSSocket).getPeerCertificate();
      res.resume();
      resolve(Date.parse(valid_to) / 1000);
    });
    req.on('error', reject);
    req.end();
  });
}
