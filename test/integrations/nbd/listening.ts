/** Servers on a unix socket of their own, ended after each test. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll } from '@jest/globals';

import { createServer, type NbdServer, type NbdServerOptions } from '../../../integrations/nbd.js';

type Exports = Parameters<typeof createServer>[0];

export interface Listening {
  /** The folder of sockets, for files of tests as well. */
  readonly folder: string;
  listen(exports: Exports, options?: NbdServerOptions): Promise<{ server: NbdServer; socket: string; uri: string }>;
}

/** To be called where tests are described. */
export function listening(): Listening {
  let folder = '';
  let made = 0;
  const servers: NbdServer[] = [];
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'zram-nbd-'));
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  return {
    get folder() {
      return folder;
    },
    async listen(exports, options) {
      const server = createServer(exports, options);
      servers.push(server);
      const socket = join(folder, `s${made++}`);
      server.listen(socket);
      await once(server, 'listening');
      return { server, socket, uri: `nbd+unix:///?socket=${socket}` };
    },
  };
}
