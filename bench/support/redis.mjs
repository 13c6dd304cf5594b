/** A server of Redis on a unix socket that keeps nothing on disk. The caller ends it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

export async function startRedis(folder) {
  const socket = path.join(folder, 'redis.sock');
  const quiet = ['--save', '', '--appendonly', 'no', '--loglevel', 'warning'];
  const child = spawn('redis-server', ['--port', '0', '--unixsocket', socket, '--dir', folder, ...quiet], {
    stdio: 'ignore',
  });
  await once(child, 'spawn');
  return { child, socket };
}
