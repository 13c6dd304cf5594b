/** Programs that are clients of a server, which is this process. */
import { spawn } from 'node:child_process';

/** @returns what it printed @throws with what it said */
export async function runClient(folder: string, command: string, ...args: string[]): Promise<string> {
  const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (out += text.toString()));
  child.stderr.on('data', (text: Buffer) => (err += text.toString()));
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (status !== 0) throw new Error(`${command} ended with ${String(status)}: ${err || out}`);
  return out;
}
