/** The proxy that all cuts of the network rest on: what it holds back, in which direction, and what it delivers afterwards. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../../support/wait.ts';
import { linksBetween, type Network, startLinkProxy } from './network.ts';

let server: Server;
let proxy: Pick<Network, 'cut' | 'heal' | 'close'>;
let port: number;
/** What the server got, by the name that each client introduces itself with. */
const heard: string[] = [];
const accepted: Socket[] = [];

beforeAll(async () => {
  server = createServer((socket) => {
    accepted.push(socket);
    socket.on('data', (data) => heard.push(String(data)));
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.2.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
  const listen = [{ host: '127.0.0.1', port, targets: [{ name: 'store', host: '127.0.2.1' }] }];
  proxy = await startLinkProxy(listen, { '127.0.1.1': 'ann', '127.0.1.2': 'bob' });
});
afterAll(() => {
  proxy.close();
  server.close();
  for (const socket of accepted) socket.destroy();
});

async function clientFrom(localAddress: string) {
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  const got: string[] = [];
  socket.on('data', (data) => got.push(String(data)));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return { socket, got };
}

/** Long enough for what is not held to arrive. */
const arrivalMs = 150;
const hears = (text: string) => waitFor(`'${text}' to arrive`, () => heard.some((each) => each.includes(text)));

test('a cut holds what one client sends and not what another sends, and healing delivers it', async () => {
  const [ann, bob] = [await clientFrom('127.0.1.1'), await clientFrom('127.0.1.2')];
  ann.socket.write('ann before');
  await hears('ann before');
  await proxy.cut(linksBetween(['ann'], ['store']));
  ann.socket.write('ann during');
  bob.socket.write('bob during');
  await hears('bob during');
  await delay(arrivalMs);
  expect(heard.join()).not.toContain('ann during');
  await proxy.heal();
  await hears('ann during');
  ann.socket.destroy();
  bob.socket.destroy();
});

test('a cut in one direction lets the other pass', async () => {
  const ann = await clientFrom('127.0.1.1');
  ann.socket.write('ann is here');
  await hears('ann is here');
  await proxy.cut(linksBetween(['store'], ['ann'], 'one way'));
  ann.socket.write('ann asks');
  await hears('ann asks');
  accepted.at(-1)?.write('answer');
  await delay(arrivalMs);
  expect(ann.got).toEqual([]);
  await proxy.heal();
  await waitFor('the answer', () => ann.got.join() === 'answer');
  ann.socket.destroy();
});

test('a connection that is opened across a cut reaches the server when the cut heals, and never if the client gave up', async () => {
  await proxy.cut(linksBetween(['ann'], ['store']));
  const before = accepted.length;
  const [patient, hasty] = [await clientFrom('127.0.1.1'), await clientFrom('127.0.1.1')];
  patient.socket.write('waited');
  hasty.socket.end('gave up');
  hasty.socket.destroy();
  await delay(arrivalMs);
  expect(accepted).toHaveLength(before);
  await proxy.heal();
  await hears('waited');
  expect(accepted).toHaveLength(before + 1);
  expect(heard.join()).not.toContain('gave up');
  patient.socket.destroy();
});
