#!/usr/bin/env bash
# ioredis 6.0.0 and iovalkey 0.4.0 with enableAutoPipelining: callBuffer(), which sends a command by its name and answers with
# bytes, loses the name. The first argument takes its place, so servers answer that they do not know the command. call(),
# methods with the command's name, and callBuffer() of a pipeline that one has made are right.
#
# Seen: of callBuffer('set', 'page:1', 'x') the server gets "page:1 x"; by the other ways, and without automatic pipelines, it gets
# "set page:1 x".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund ioredis@6.0.0 iovalkey@0.4.0

cat > try.mjs << 'JS'
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import { Redis as Valkey } from 'iovalkey';

// Notes the commands that it gets, which are short enough to come whole, and answers each.
const commands = [];
const server = createServer((socket) => {
  socket.on('data', (data) => {
    const lines = data.toString().split('\r\n');
    for (let at = 0; lines[at]?.startsWith('*'); ) {
      const count = Number(lines[at].slice(1));
      const words = Array.from({ length: count }, (_, n) => lines[at + 2 + 2 * n]);
      at += 1 + 2 * count;
      commands.push(words.join(' '));
      socket.write('+OK\r\n');
    }
  });
}).listen(0, '127.0.0.1');
await once(server, 'listening');

async function seen(Client, options, send) {
  const client = new Client({ host: '127.0.0.1', port: server.address().port, enableReadyCheck: false, ...options });
  await once(client, 'ready');
  commands.length = 0;
  await send(client);
  client.disconnect();
  return commands.filter((command) => !command.startsWith('client ')).join();
}
const automatic = { enableAutoPipelining: true };
for (const Client of [Redis, Valkey]) {
  console.log(
    JSON.stringify({
      plain: await seen(Client, {}, (client) => client.callBuffer('set', 'page:1', 'x')),
      call: await seen(Client, automatic, (client) => client.call('set', 'page:1', 'x')),
      callBuffer: await seen(Client, automatic, (client) => client.callBuffer('set', 'page:1', 'x')),
      method: await seen(Client, automatic, (client) => client.set('page:1', 'x')),
      pipeline: await seen(Client, automatic, (client) => client.pipeline().callBuffer('set', 'page:1', 'x').exec()),
    }),
  );
}
server.close();
JS
node try.mjs | tee seen
right='{"plain":"set page:1 x","call":"set page:1 x","callBuffer":"page:1 x","method":"set page:1 x","pipeline":"set page:1 x"}'
printf '%s\n%s\n' "$right" "$right" | diff - seen
