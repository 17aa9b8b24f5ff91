/** How long the certificate that clients are shown is still good. */
import { connect } from 'node:tls';
import { Gauge, type Registry } from 'prom-client';

const lookEveryMs = 60_000;
const patienceMs = 3000;

/** Looks at once and then every minute. @param target host:port of HTTPS @returns the way to stop */
export function watchCertificate(registry: Registry, target: string): () => void {
  const notAfter = new Gauge({
    name: 'edge_tls_certificate_not_after_timestamp_seconds',
    help: 'When the certificate that clients are shown expires; the last one seen while nobody answers',
    labelNames: ['target'],
    registers: [registry],
  });
  const look = async () => {
    const seconds = await expiryOf(target).catch(() => undefined); // that nobody answers is told by nginx_up
    if (seconds !== undefined) notAfter.set({ target }, seconds);
  };
  void look();
  const timer = setInterval(() => void look(), lookEveryMs);
  return () => clearInterval(timer);
}

/** When the certificate at `target` (host:port) expires, in seconds since 1970. @throws when nobody answers in time */
export function expiryOf(target: string): Promise<number> {
  const colon = target.lastIndexOf(':');
  return new Promise((resolve, reject) => {
    // Whether it is to be trusted is the clients' question; one signed by itself also expires.
    const socket = connect({
      host: target.slice(0, colon),
      port: Number(target.slice(colon + 1)),
      rejectUnauthorized: false,
    });
    socket.setTimeout(patienceMs, () => socket.destroy(new Error('no answer in time')));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      resolve(Date.parse(socket.getPeerCertificate().valid_to) / 1000);
      socket.destroy();
    });
  });
}
