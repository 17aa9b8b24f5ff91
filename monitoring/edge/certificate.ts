/** When the certificate that Nginx presents to clients expires. */
import { connect } from 'node:tls';
import { Gauge, type Registry } from 'prom-client';

const checkIntervalMs = 60_000;
const timeoutMs = 3000;

/** Reads it now and then every minute. @param target host:port of HTTPS @returns a function that stops it */
export function watchCertificate(registry: Registry, target: string): () => void {
  const notAfter = new Gauge({
    name: 'edge_tls_certificate_not_after_timestamp_seconds',
    help: 'When the certificate that Nginx presents expires; the last one seen while Nginx does not answer',
    labelNames: ['target'],
    registers: [registry],
  });
  const look = async () => {
    const seconds = await expiryOf(target).catch(() => undefined); // shop_probe_success and nginx_up report that
    if (seconds !== undefined) notAfter.set({ target }, seconds);
  };
  void look();
  const timer = setInterval(() => void look(), checkIntervalMs);
  return () => clearInterval(timer);
}

/** When the certificate at `target` (host:port) expires, in seconds since 1970. @throws when there is no answer in time */
export function expiryOf(target: string): Promise<number> {
  const colon = target.lastIndexOf(':');
  return new Promise((resolve, reject) => {
    // Whether it is to be trusted is the clients' question; one signed by itself also expires.
    const socket = connect({
      host: target.slice(0, colon),
      port: Number(target.slice(colon + 1)),
      rejectUnauthorized: false,
    });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no answer in time')));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      resolve(Date.parse(socket.getPeerCertificate().valid_to) / 1000);
      socket.destroy();
    });
  });
}
