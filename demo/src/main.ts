/** The page: four views, each with its worker, and the way from one to the other. */
import 'uplot/dist/uPlot.min.css';
import './style.css';
import type { BenchCalls, BenchEvents } from './bench/protocol.js';
import type { EngineCalls, EngineEvents } from './engine/protocol.js';
import type { ForksCalls, ForksEvents } from './forks/protocol.js';
import type { HistoryCalls, HistoryEvents } from './history/protocol.js';
import { obstacle } from './support.js';
import { h } from './ui/dom.js';
import { currentTheme, onThemeChange, switchTheme } from './ui/theme.js';
import { BenchView } from './views/bench-view.js';
import { ForksView } from './views/forks-view.js';
import { HistoryView } from './views/history-view.js';
import { MapView } from './views/map-view.js';
import { WorkerClient } from './workers/rpc.js';

/** A worker that is made when it is first needed. */
function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

const VIEWS = [
  { hash: '#map', label: 'Page map' },
  { hash: '#forks', label: 'Forks' },
  { hash: '#history', label: 'Time machine' },
  { hash: '#bench', label: 'Benchmarks' },
] as const;

function start(main: HTMLElement): void {
  const engine = new WorkerClient<EngineCalls, EngineEvents>(
    new Worker(new URL('./workers/engine.ts', import.meta.url), { type: 'module', name: 'engine' }),
  );
  const historyWorker = lazily(
    () =>
      new WorkerClient<HistoryCalls, HistoryEvents>(
        new Worker(new URL('./workers/history.ts', import.meta.url), { type: 'module', name: 'history' }),
      ),
  );
  const forksWorker = lazily(
    () =>
      new WorkerClient<ForksCalls, ForksEvents>(
        new Worker(new URL('./workers/forks.ts', import.meta.url), { type: 'module', name: 'forks' }),
      ),
  );
  const benchWorker = lazily(
    () =>
      new WorkerClient<BenchCalls, BenchEvents>(
        new Worker(new URL('./workers/bench.ts', import.meta.url), { type: 'module', name: 'bench' }),
      ),
  );
  const map = new MapView(engine, historyWorker);
  const history = new HistoryView(historyWorker);
  const forks = new ForksView(forksWorker);
  const views = [map, forks, history, new BenchView(benchWorker)];
  main.replaceChildren(...views.map(({ element }) => element));

  const links = VIEWS.map(({ hash, label }) => h('a', { href: hash }, label));
  document.querySelector('nav')!.replaceChildren(...links);
  const show = (): void => {
    const at = Math.max(
      0,
      VIEWS.findIndex(({ hash }) => hash === location.hash),
    );
    for (const [n, { element }] of views.entries()) element.hidden = n !== at;
    for (const [n, link] of links.entries()) {
      if (n === at) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
  };
  addEventListener('hashchange', show);
  show();

  // What the tests measure; nothing of the page depends on it.
  Object.assign(globalThis, { zramDemo: { map: map.map, history: history.map } });
  engine.call('ready').then(
    (noBacking) => {
      map.showBacking(noBacking);
      performance.mark('ready');
      document.documentElement.dataset['ready'] = 'true';
    },
    (error: unknown) => refuse(main, (error as Error).message),
  );
}

function refuse(main: HTMLElement, reason: string): void {
  main.replaceChildren(
    h(
      'section',
      { class: 'card obstacle', role: 'alert' },
      h('h2', {}, 'The demo cannot run here'),
      h('p', {}, reason),
    ),
  );
}

const themeButton = document.querySelector<HTMLButtonElement>('#theme')!;
const nameTheme = (): void => {
  themeButton.textContent = currentTheme() === 'dark' ? 'Light' : 'Dark';
};
themeButton.addEventListener('click', switchTheme);
onThemeChange(nameTheme);
nameTheme();

const main = document.querySelector('main')!;
const reason = obstacle();
if (reason === undefined) start(main);
else refuse(main, reason);
