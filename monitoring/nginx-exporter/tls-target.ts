/** A TLS connection to the listener of clients, as a client would make it. */
import { connect } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

/** The public listener for HTTPS. */
export type TlsTarget = {
  /** host:port */
  readonly address: string;
  /** Whether every connection there begins with a line of the PROXY protocol. */
  readonly speaksProxy: boolean;
};

/**
 * Connects. A failed connection is one `error` event of the socket, and so is the end of `timeoutMs`, counted from now until the socket closes.
 * @see https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt (section 2.1: UNKNOWN, for a connection that is not relayed)
 */
export function connectTo({ address, speaksProxy }: TlsTarget, timeoutMs: number): TLSSocket {
  const colon = address.lastIndexOf(':');
  const plain = connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)) });
  if (speaksProxy) plain.write('PROXY UNKNOWN\r\n');
  // Not setTimeout of the socket: that starts again while something waits to be written.
  const deadline = setTimeout(() => plain.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  plain.once('close', () => clearTimeout(deadline));
  // The TLS socket passes on the errors of the connection by itself. Whether to trust the certificate is for the clients to decide; a
  // self-signed one expires as well.
  return connectTls({ socket: plain, rejectUnauthorized: false });
}
