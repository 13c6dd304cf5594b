/** Certificates for tests, made by openssl: an authority, a server and a client, with the names that libnbd and QEMU look for. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

const CONFIGURATION = `
[req]
distinguished_name = name
prompt = no
[name]
CN = zram-wasm test
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
subjectAltName = DNS:localhost, IP:127.0.0.1
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
[client]
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
`;

function openssl(folder: string, ...args: string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-config', 'openssl.cnf'];

/** Makes `ca-cert.pem`, `server-cert.pem`, `server-key.pem`, `client-cert.pem` and `client-key.pem` in a new folder. */
export function makeCertificates(folder: string): string {
  mkdirSync(folder);
  writeFileSync(join(folder, 'openssl.cnf'), CONFIGURATION);
  const authority = ['-keyout', 'ca-key.pem', '-out', 'ca-cert.pem', '-extensions', 'ca', '-days', '2'];
  openssl(folder, 'req', '-x509', ...KEY, ...authority);
  for (const who of ['server', 'client']) {
    openssl(folder, 'req', '-new', ...KEY, '-keyout', `${who}-key.pem`, '-out', `${who}.csr`);
    const signed = ['-CA', 'ca-cert.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial', '-days', '2'];
    const extensions = ['-extfile', 'openssl.cnf', '-extensions', who];
    openssl(folder, 'x509', '-req', '-in', `${who}.csr`, '-out', `${who}-cert.pem`, ...signed, ...extensions);
  }
  return folder;
}

/** What `tls.connect` and `createServer` take. */
export function credentials(folder: string, who: 'server' | 'client'): { ca: Buffer; cert: Buffer; key: Buffer } {
  const read = (name: string): Buffer => readFileSync(join(folder, `${name}.pem`));
  return { ca: read('ca-cert'), cert: read(`${who}-cert`), key: read(`${who}-key`) };
}
