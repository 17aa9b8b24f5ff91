/** When the certificate that Nginx presents to clients expires. */
import { Gauge, type Registry } from 'prom-client';
import { connectTo, type TlsTarget } from './tls-target.ts';

const checkIntervalMs = 60_000;
const certificateTimeoutMs = 3000;

/** Reads it now and then every minute. @returns a function that stops it */
export function watchCertificate(registry: Registry, target: TlsTarget): () => void {
  const notAfter = new Gauge({
    name: 'nginx_tls_certificate_not_after_timestamp_seconds',
    help: 'When the certificate that Nginx presents expires; the last one seen while Nginx does not answer',
    labelNames: ['target'],
    registers: [registry],
  });
  const readOnce = async () => {
    const seconds = await expiryOf(target).catch(() => undefined); // shop_probe_success and nginx_up report that
    if (seconds !== undefined) notAfter.set({ target: target.address }, seconds);
  };
  void readOnce();
  const timer = setInterval(() => void readOnce(), checkIntervalMs);
  return () => clearInterval(timer);
}

/** When the certificate at `target` expires, in seconds since 1970. @throws when there is no answer in time */
export function expiryOf(target: TlsTarget, timeoutMs = certificateTimeoutMs): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connectTo(target, timeoutMs);
    socket.on('error', reject);
    socket.once('secureConnect', () => {
      resolve(Date.parse(socket.getPeerCertificate().valid_to) / 1000);
      socket.destroy();
    });
  });
}
