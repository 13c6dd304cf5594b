/**
 * Memory after a large fill: what the engine has reserved beside what its pages need, and what the process holds beside
 * one that keeps a `Map` of compressed pages. Each fill is a process of its own.
 */
import { library } from '../support/libraries.mjs';
import { Missing } from '../support/native.mjs';
import { runChild } from '../support/child.mjs';
import { PAGE_BYTES } from '../support/settings.mjs';
import { exactly, summary } from '../support/statistics.mjs';
import { mebibytes, spread } from '../support/table.mjs';

const SLOT_BYTES = 8;

async function mapMissing() {
  try {
    await library('lz4-napi');
    await library('xxhash-wasm');
    return undefined;
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    return error.message;
  }
}

export async function run({ image, settings }) {
  const { file } = image;
  const bytes = settings.fillBytes;
  const reason = await mapMissing();
  const plain = await runChild('held.mjs', { way: 'zram', file, bytes, dedup: false });
  const rounds = [];
  for (let n = 0; n < settings.fillRounds; n++) {
    const zram = await runChild('held.mjs', { way: 'zram', file, bytes, dedup: true });
    const map = reason ? undefined : await runChild('held.mjs', { way: 'map', file, bytes });
    rounds.push({ zram, map });
  }

  const slots = plain.mmStat.origDataSize / PAGE_BYTES;
  const needed = plain.mmStat.memUsedTotal + slots * SLOT_BYTES;
  const [{ zram, map }] = rounds;
  const ratio = map && summary(rounds.map((each) => each.zram.rss / each.map.rss));
  const row = (name, each) => [
    name,
    mebibytes(each.bytes),
    each.mmStat ? mebibytes(each.mmStat.memUsedTotal) : '',
    each.memory ? mebibytes(each.memory.reserved) : '',
    mebibytes(each.rss),
  ];
  const rows = [row('zram-wasm', plain), row('zram-wasm, `dedup`', zram)];
  if (map) rows.push(row('`Map` of lz4-napi blocks by XXH64', map));
  const reserved = plain.memory.reserved / needed;
  return {
    tables: [
      {
        title: 'Memory',
        text: [
          'The image again and again, each time made different by a stamp in every page; its duplicates and same-filled pages are included.',
          `Reserved for ${mebibytes(needed)} of zspages and slots: ${spread(exactly(reserved))} times as much.`,
          ratio ? `Held, with \`dedup\` / \`Map\`: ${spread(ratio)}.` : `The \`Map\` was not measured: ${reason}.`,
          'Held is the growth of the resident set.',
        ].join(' '),
        head: ['', 'stored', '`mem_used_total`', 'linear memory', 'held'],
        rows,
      },
    ],
    measures: { reserved: { value: exactly(reserved) }, held: ratio ? { value: ratio } : { reason } },
  };
}
