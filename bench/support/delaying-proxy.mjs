/**
 * A line between a client and a server: what one side sends arrives at the other after so many milliseconds, in order, however
 * much is under way. A process of its own, so that its timers wait for nobody:
 *   node bench/support/delaying-proxy.mjs LISTEN TO MILLISECONDS    (paths of unix sockets)
 */
import { connect, createServer } from 'node:net';

const [listen, to, milliseconds] = process.argv.slice(2);

/** Bytes that are under way, above which the sender waits: what 2 ms of 10 Gbit/s hold, and more. */
const UNDER_WAY_MAX = 8 * 2 ** 20;

function delay(from, into, ms) {
  const queue = [];
  let underWay = 0;
  let timer;
  const deliver = () => {
    timer = undefined;
    const now = performance.now();
    while (queue.length > 0 && queue[0].due <= now) {
      const { bytes } = queue.shift();
      underWay -= bytes.length;
      into.write(bytes);
    }
    if (underWay < UNDER_WAY_MAX) from.resume();
    if (queue.length > 0) timer = setTimeout(deliver, queue[0].due - performance.now());
  };
  from.on('data', (bytes) => {
    queue.push({ due: performance.now() + ms, bytes });
    underWay += bytes.length;
    if (underWay >= UNDER_WAY_MAX) from.pause();
    timer ??= setTimeout(deliver, ms);
  });
  from.on('close', () => {
    clearTimeout(timer);
    into.destroy();
  });
  from.on('error', () => into.destroy());
}

const server = createServer((near) => {
  const far = connect(to);
  delay(near, far, Number(milliseconds));
  delay(far, near, Number(milliseconds));
});
server.listen(listen, () => process.send?.('listening'));
process.on('disconnect', () => process.exit());
