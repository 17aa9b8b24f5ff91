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
 * Connects. Errors of the connection and silence of `timeoutMs` come as errors of the socket.
 * @see https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt (section 2.1: UNKNOWN, for a connection that is not relayed)
 */
export function connectTo({ address, speaksProxy }: TlsTarget, timeoutMs: number): TLSSocket {
  const colon = address.lastIndexOf(':');
  const plain = connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)) });
  if (speaksProxy) plain.write('PROXY UNKNOWN\r\n');
  // Whether to trust the certificate is for the clients to decide; a self-signed one expires as well.
  const socket = connectTls({ socket: plain, rejectUnauthorized: false });
  plain.setTimeout(timeoutMs, () => plain.destroy(new Error(`no answer within ${timeoutMs} ms`)));
  plain.once('error', (error) => socket.destroy(error));
  return socket;
}
