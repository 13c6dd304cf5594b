/** The browsers of this machine: where they are, and how each is started with an address. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const END_MS = 5000;

/** Of a name in the environment, or the first of the places that is there. */
const place = (variable, ...places) => process.env[variable] ?? places.find(existsSync);
const library = (name) => [
  `/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/${name}`,
  `/usr/lib/x86_64-linux-gnu/webkitgtk-6.0/${name}`,
  `/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/${name}`,
];

const CHROMIUM_FLAGS =
  '--headless=new --disable-gpu --no-first-run --disable-background-networking --disable-component-update --disable-sync --disable-extensions';
/** Root, as in many containers, cannot have Chromium's sandbox. */
const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
/** Firefox opens no pages of its own, and asks nobody for updates. */
const FIREFOX_SETTINGS = {
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage_override.mstone': 'ignore',
  'datareporting.policy.dataSubmissionEnabled': false,
  'app.update.enabled': false,
  'toolkit.telemetry.reportingpolicy.firstRun': false,
  'browser.aboutwelcome.enabled': false,
};

export function firefoxProfile(folder, more = {}) {
  const lines = Object.entries({ ...FIREFOX_SETTINGS, ...more }).map(([name, value]) => {
    return `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`;
  });
  writeFileSync(path.join(folder, 'user.js'), lines.join('\n'));
}

/** Each: the program or undefined, its arguments for an address, and what has to run beside it. */
export const BROWSERS = {
  Chromium: {
    program: place('CHROMIUM', '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'),
    packages: 'chromium',
    args: (profile) => [...CHROMIUM_FLAGS.split(' '), ...sandbox, `--user-data-dir=${profile}`],
  },
  Firefox: {
    program: place('FIREFOX', '/usr/bin/firefox-esr', '/usr/bin/firefox'),
    packages: 'firefox-esr',
    prepare: firefoxProfile,
    args: (profile) => ['--headless', '--no-remote', '--profile', profile],
  },
  WebKitGTK: {
    program: place('MINIBROWSER', ...library('MiniBrowser')),
    display: place('XVFB', '/usr/bin/Xvfb'),
    packages: 'webkit2gtk-driver xvfb',
    // What Safari has on, and WebKitGTK off: files of the browser, and memory that workers share.
    args: () => ['--features=AccessHandle,FileSystem,FileSystemWritableStream,StorageAPI'],
    lacks: 'files', // none that are read synchronously: its backend does not support that operation
    // Without a language, it says that its language is "C", which Intl refuses.
    env: { JSC_useSharedArrayBuffer: '1', LANG: 'en_US.UTF-8', LANGUAGE: 'en' },
  },
};

/** What is missing of a browser, or undefined. */
export function missingOf({ program, display, packages }) {
  const needsDisplay = packages.includes('xvfb') && display === undefined;
  return program === undefined || needsDisplay ? `install ${packages}` : undefined;
}

/** Ends a process and all that it has started: it leads a group of its own. */
export async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const signal = (name) => {
    try {
      process.kill(-child.pid, name);
    } catch {
      // It has ended meanwhile.
    }
  };
  signal('SIGTERM');
  const timer = setTimeout(() => signal('SIGKILL'), END_MS);
  await ended;
  clearTimeout(timer);
  signal('SIGKILL');
}

/** Starts a display, and gives the environment of programs that show themselves there. */
async function startDisplay(program) {
  const child = spawn(program, ['-displayfd', '3', '-screen', '0', '1400x1000x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const number = await new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`${program} ended`)));
    child.stdio[3].once('data', (data) => resolve(String(data).trim()));
  });
  return { child, env: { DISPLAY: `:${number}`, GDK_BACKEND: 'x11', LIBGL_ALWAYS_SOFTWARE: '1' } };
}

/** The version as the program tells it, which some do on a display only. */
export async function versionOf({ program, display }) {
  const screen = display === undefined ? undefined : await startDisplay(display);
  try {
    const { stdout } = await run(program, ['--version'], { env: { ...process.env, ...screen?.env } });
    return stdout.trim().split('\n')[0];
  } finally {
    if (screen) await end(screen.child);
  }
}

/**
 * Opens an address in a browser with a fresh profile.
 * @returns its process and profile, a failure to watch for, and how to end it
 */
export async function openBrowser({ program, display, prepare, args, env: own }, address) {
  const profile = mkdtempSync(path.join(tmpdir(), 'zram-wasm-browser-'));
  prepare?.(profile);
  const screen = display === undefined ? undefined : await startDisplay(display);
  // Its own home: a browser keeps files of pages there as well.
  const env = {
    ...process.env,
    HOME: profile,
    XDG_DATA_HOME: profile,
    XDG_CACHE_HOME: profile,
    XDG_CONFIG_HOME: profile,
    ...screen?.env,
    ...own,
  };
  const child = spawn(program, [...args(profile), address], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env,
    detached: true,
  });
  let said = '';
  child.stderr.on('data', (data) => (said = (said + data).slice(-2000)));
  const failed = new Promise((_, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => reject(new Error(`${program} ended with ${status}: ${said}`)));
  });
  failed.catch(() => {});
  return {
    child,
    profile,
    failed,
    async close() {
      await end(child);
      if (screen) await end(screen.child);
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}
