/**
 * A server of S3's protocol, in a process of its own: s3rver encrypts the tokens of lists with DES, which Node.js has only with an
 * option.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { S3 } from '@aws-sdk/client-s3';

const SCRIPT = `
const S3rver = require('s3rver');
const directory = process.argv[1];
const options = { address: '127.0.0.1', port: 0, silent: true, directory, configureBuckets: [{ name: 'pages' }] };
new S3rver(options).run().then(({ port }) => console.log(port));
process.stdin.resume().on('end', () => process.exit()); // ends with the tests, however these end
`;

export class S3Server {
  private constructor(
    private readonly process: ChildProcess,
    readonly client: S3,
  ) {}

  /** @param directory where its bucket `pages` is kept */
  static async start(directory: string): Promise<S3Server> {
    const args = ['--openssl-legacy-provider', '-e', SCRIPT, directory];
    const cwd = path.resolve(import.meta.dirname, '../../..');
    const server = spawn(process.execPath, args, { cwd, stdio: ['pipe', 'pipe', 'inherit'] });
    const port = await new Promise<string>((resolve, reject) => {
      server.stdout.once('data', (text) => resolve(String(text).trim()));
      server.once('exit', (code) => reject(new Error(`the server ended with ${String(code)}`)));
    });
    const client = new S3({
      endpoint: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
    });
    return new S3Server(server, client);
  }

  async stop(): Promise<void> {
    this.client.destroy();
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.stdin?.end();
    await ended;
  }
}
