/** Certificate and key of a server, out of files. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';

import type { NbdServerOptions } from '../../integrations/nbd.js';
import { CliError, messageOf, reasonOf, UsageError } from '../errors.js';
import type { TlsFiles } from './arguments.js';

/** @throws CliError a file cannot be read; UsageError they do not fit, or are something else */
export async function readTls(files: TlsFiles): Promise<NonNullable<NbdServerOptions['tls']>> {
  const { cert, key, ca } = files;
  const tls = {
    cert: await readPem(cert),
    key: await readPem(key),
    ...(ca === undefined ? {} : { ca: await readPem(ca), requestCert: true }),
  };
  try {
    createSecureContext(tls);
    if (tls.ca !== undefined) checkAuthority(tls.ca);
  } catch (error) {
    const which = [cert, key, ...(ca === undefined ? [] : [ca])].map((file) => `'${file}'`).join(', ');
    throw new UsageError(`cannot use ${which} for TLS: ${messageOf(error)}`);
  }
  return tls;
}

/** Of what is no certificate `createSecureContext` takes no notice, and nobody would be let in. */
function checkAuthority(pem: Buffer): X509Certificate {
  if (!pem.includes('-----BEGIN ')) throw new Error('the authority is not PEM');
  return new X509Certificate(pem);
}

async function readPem(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new CliError(`cannot read '${path}': ${reasonOf(error)}`);
  }
}
