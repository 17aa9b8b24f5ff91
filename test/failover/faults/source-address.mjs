// Loaded into the services of a shop behind the link proxy: connections leave from the address that tells the proxy who connects.
import { Socket } from 'node:net';

const { connect } = Socket.prototype;

Socket.prototype.connect = function connectFromOwnAddress(...args) {
  const options = Array.isArray(args[0]) ? args[0][0] : args[0]; // net.connect hands its own list on
  if (typeof options === 'object' && options?.port !== undefined) options.localAddress ??= process.env.SOURCE_ADDRESS;
  return connect.apply(this, args);
};
