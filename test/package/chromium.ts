/** Chromium as the tests see it: is it there, and what do pages do in it? */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe } from '@jest/globals';
import type { Installed } from './installed.js';

const SCRIPT = fileURLToPath(new URL('chromium.mjs', import.meta.url));
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The browser: what the environment's CHROMIUM names, or one where Linux distributions have it. */
export const chromium = process.env['CHROMIUM'] ?? PLACES.find((place) => existsSync(place));

/** Tests that need the browser are skipped where there is none, and say so. */
export function describeWithChromium(subject: string, name: string, tests: () => void): void {
  if (chromium !== undefined) {
    describe(name, tests);
    return;
  }
  const missing = 'there is no Chromium; the environment variable CHROMIUM can name one';
  // Not console.warn: jest shows nothing of the console of a file whose tests are all skipped.
  process.stderr.write(`Skipped: ${subject} ${name}: ${missing}.\n`);
  describe.skip(`${name} (skipped: ${missing})`, tests);
}

export interface Page {
  readonly path: string;
  /** Its Content-Security-Policy. */
  readonly csp: string;
  /** Whether it is cross-origin isolated; if not, it has no SharedArrayBuffer. */
  readonly isolated?: boolean;
}

export interface PageResult {
  /** The first line that the page logged. */
  readonly log: string;
  /** Errors and warnings of the console, exceptions, failed requests. */
  readonly problems: readonly string[];
}

/** Opens the pages, one after the other, from a server of the consumer's folder. */
export async function openPages(installed: Installed, pages: readonly Page[]): Promise<PageResult[]> {
  const { stdout } = await installed.node(SCRIPT, chromium!, JSON.stringify(pages));
  return JSON.parse(stdout);
}
