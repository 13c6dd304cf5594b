/** How long the main thread is held: at the start, while a large file is stored, by a redraw of the whole map. */

/** The longest tasks of the page's main thread in a trace, in milliseconds of its own processor time. */
function longestTask(trace) {
  const events = JSON.parse(trace.toString()).traceEvents;
  const main = events.findLast(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const tasks = events.filter(
    ({ pid, tid, ph, name }) => pid === main.pid && tid === main.tid && ph === 'X' && name === 'RunTask',
  );
  // A task that the trace cuts off has no processor time.
  return tasks.reduce((longest, { tdur = 0 }) => Math.max(longest, tdur), 0) / 1000;
}

/** How long the main thread has worked, in milliseconds of its own processor time, when the engine answers. */
async function readiness(open) {
  let session;
  const page = await open({
    prepare: async (page) => {
      session = await page.context().newCDPSession(page);
      await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    },
  });
  await page.waitForSelector('[data-ready]');
  const { metrics } = await session.send('Performance.getMetrics');
  const wall = await page.evaluate(() => performance.getEntriesByName('ready')[0].startTime);
  await page.close();
  return { wall, work: metrics.find(({ name }) => name === 'TaskDuration').value * 1000 };
}

export async function run({ browser, open, notice, shoot, input: { rounds, large, pages } }) {
  const ready = [];
  for (let n = 0; n < rounds; n++) ready.push(await readiness(open));

  const page = await open({ colorScheme: 'dark' });
  await page.waitForSelector('[data-ready]');
  await browser.startTracing(page, { categories: ['disabled-by-default-devtools.timeline', 'toplevel'] });
  await page.locator('input[type=file]').first().setInputFiles(large);
  const stored = await notice(page, 'stored in');
  const task = longestTask(await browser.stopTracing());
  const redraw = await page.evaluate(
    ([rounds, total]) => {
      const { map } = globalThis.zramDemo;
      // What is stored, over and over: a map of as many pages as asked for.
      const { states, sizes, objects, total: known } = map.pages;
      for (let first = known; first < total; first += known) {
        const part = (array) => array.slice(0, Math.min(known, total - first));
        map.update({ first, total, states: part(states), sizes: part(sizes), objects: part(objects) });
      }
      return map.measureRedraw(rounds);
    },
    [rounds, pages],
  );
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  await shoot(page, 'large-dark', { fullPage: true });
  await page.close();
  return { ready, stored, task, redraw };
}
