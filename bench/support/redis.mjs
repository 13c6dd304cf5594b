/** A server of Redis on a unix socket and on loopback that keeps nothing on disk. The caller ends it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';

export async function startRedis(folder) {
  const socket = path.join(folder, 'redis.sock');
  const port = await freePort();
  const places = ['--port', String(port), '--bind', '127.0.0.1', '--unixsocket', socket, '--dir', folder];
  const quiet = ['--save', '', '--appendonly', 'no', '--loglevel', 'warning'];
  const child = spawn('redis-server', [...places, ...quiet], { stdio: 'ignore' });
  await once(child, 'spawn');
  return { child, socket, port };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
