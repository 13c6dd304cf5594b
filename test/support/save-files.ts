/** Small save files with every kind of record and setting, and changes to them of every kind: the same from the same seed. */
import { Engine, MemoryBacking, Zram, type ZramOptions, type ZramSnapshot } from '../../bindings/index.js';
import { savedAll } from '../save/support.js';
import { PAGE_SIZE } from './pages.js';
import { Random } from './random.js';
import { compiledCore } from './raw-core.js';
import { fileOf, partsOf, payloadOf, recordsOf, resealed, type RawRecord, type RawSection } from './save-sections.js';

const DISKS = [1, 3, 40, 511, 512, 513, 700, 2 ** 21];

function contentOf(random: Random): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE);
  const kind = random.below(12);
  if (kind < 2) return page.fill(random.below(3));
  if (kind === 2) {
    for (let at = 0; at < PAGE_SIZE; at++) page[at] = [7, 1, 9, 0, 0, 3, 4, 5][at % 8];
    return page;
  }
  if (kind === 3) return random.fill(page);
  // A few contents, so that pages are equal.
  const of = new Random(random.below(6), 'content');
  const motif = of.fill(new Uint8Array(of.between(5, 30)));
  for (let at = 0, times = of.between(1, 6); times > 0; times--, at += of.between(40, 600)) page.set(motif, at);
  return page;
}

function settingsOf(random: Random, pool: ReturnType<Engine['createPool']> | undefined): ZramOptions {
  const disksize = random.pick(DISKS) * PAGE_SIZE;
  const dictionary = new Random(random.below(2), 'dictionary').fill(new Uint8Array(40));
  return {
    disksize,
    ...(pool ? { pool } : random.chance(30) ? { chainSize: random.pick([4, 8, 16] as const), shrinker: true } : {}),
    compAlgorithm: random.chance(20) ? random.pick(['deflate', 'lzo-rle', 'lz4hc']) : 'lz4',
    ...(random.chance(20) ? { level: random.between(1, 9) } : {}),
    ...(random.chance(40)
      ? {
          recompAlgorithms: [
            { algo: 'deflate', dictionary },
            { algo: 'lz4hc', favorDecSpeed: random.between(0, 16) },
          ],
        }
      : {}),
    ...(random.chance(30) ? { dedup: true } : {}),
    ...(random.chance(20) ? { memLimit: '1M' } : {}),
    ...(random.chance(20) ? { trackEntryActime: false } : {}),
    ...(random.chance(20) ? { backing: new MemoryBacking(50) } : {}),
  };
}

function write(zram: Zram, { disksize, recompAlgorithms, backing }: ZramOptions, random: Random): void {
  const pages = Number(disksize) / PAGE_SIZE;
  for (let n = random.between(1, 10); n > 0; n--) {
    const index = random.chance(50) ? random.below(Math.min(pages, 8)) : random.below(pages);
    zram.writePage(index, contentOf(random));
  }
  if (random.chance(30)) zram.writePages(0, new Uint8Array(Math.min(pages, 20) * PAGE_SIZE).fill(random.below(2)));
  if (random.chance(50)) zram.merge();
  if (recompAlgorithms) zram.recompress({ maxPages: 5 });
  if (backing) zram.writeback({ pageIndexes: [[0, Math.min(3, pages - 1)]] });
}

/** A file of one to four devices and snapshots. */
export async function madeFile(seed: number): Promise<Uint8Array> {
  const random = new Random(seed, 'save file');
  const engine = Engine.createSync({ module: compiledCore('release') });
  try {
    const pool = random.chance(40) ? engine.createPool() : undefined;
    const things: (Zram | ZramSnapshot)[] = [];
    const make = (): void => {
      const settings = settingsOf(random, pool);
      const zram = engine.createZram(settings);
      things.push(zram);
      write(zram, settings, random);
      while (things.length < 4 && random.chance(60)) {
        things.push(random.chance(70) ? zram.snapshot() : zram.clone());
        write(zram, settings, random);
      }
    };
    make();
    if (pool && random.chance(50)) make();
    if (random.chance(50)) things.reverse();
    const names = things.map((thing, n) => [`${random.pick(['', 'é', 'disk', '__proto__'])}${n}`, thing] as const);
    return await savedAll(new Map(names), {
      ...(random.chance(50) ? { comment: 'a comment' } : {}),
      ...(random.chance(50) ? { attachment: [1, 0, 9].map((length) => new Uint8Array(length).fill(7)) } : {}),
    });
  } finally {
    engine.destroy();
  }
}

// ── changes ──────────────────────────────────────────────────────────────────────────────────────────────────────

const LIMITS = [0, 1, 2, 3, 127, 128, 255, 511, 512, 513, 2 ** 14, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
const VALUES: unknown[] = [
  ...[0, 1, 2, 3, 4, 8, 16, 512, 4096, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e300, -1],
  ...[1.5, -0, '', 'lz4', 'deflate', 'brotli', 'x', null, true, false, [], {}, [1], '\ud800'],
];

function near(random: Random, value: number): number {
  const changed = random.pick([value + 1, value - 1, value * 2, value ^ (1 << random.below(12)), random.pick(LIMITS)]);
  return Math.min(Math.max(changed, 0), 2 ** 33);
}

function changeRecord(records: RawRecord[], random: Random): void {
  if (records.length === 0) records.push({ kind: 5, numbers: [0], bytes: new Uint8Array(0) });
  const at = random.below(records.length);
  const record = records[at];
  switch (random.below(13)) {
    case 0:
      records.splice(at, 1);
      return;
    case 12: // a page that is stored as a value, as an object
      records.splice(at, 0, { kind: 4, numbers: [0], bytes: new Uint8Array(PAGE_SIZE).fill(random.below(3)) });
      return;
    case 1:
      records.splice(random.below(records.length + 1), 0, structuredClone(record));
      return;
    case 2: {
      const other = random.below(records.length);
      [records[at], records[other]] = [records[other], record];
      return;
    }
    case 3:
      record.kind ^= 128;
      return;
    case 4:
      record.kind = random.pick([0, 1, 2, 3, 4, 5, 6, 129, 131, 255]);
      return;
    case 5:
      records.splice(at, 0, {
        kind: random.pick([1, 2]),
        numbers: [random.below(4), random.pick([0, 1, 2, random.pick(LIMITS)])],
        bytes: new Uint8Array(0),
      });
      return;
    case 6:
      // Anywhere, or about where a group ends.
      if (random.chance(50)) {
        records.splice(at, 0, { kind: 1, numbers: [0, random.between(505, 515)], bytes: new Uint8Array(0) });
      }
      records.splice(at + 1, 0, {
        kind: 3,
        numbers: [random.pick([1, 2, random.below(10), random.pick(LIMITS)])],
        bytes: random.fill(new Uint8Array(random.chance(90) ? 8 : 5)),
      });
      return;
    case 7: {
      const from = random.pick(records);
      if (record.bytes.length > 0) record.bytes = random.chance(50) ? from.bytes : record.bytes.subarray(1);
      return;
    }
    case 8:
    case 9:
      if (record.bytes.length > 0) record.bytes[random.below(record.bytes.length)] ^= 1 << random.below(8);
      else record.numbers[0] = near(random, record.numbers[0]);
      return;
    default: {
      const n = random.below(record.numbers.length);
      if (record.numbers.length > 0) record.numbers[n] = near(random, record.numbers[n]);
    }
  }
}

function changeList(list: Record<string, unknown>[], random: Random): void {
  if (list.length === 0) return;
  const one = { ...random.pick(list) };
  one[random.pick(['priority', 'codec', 'level', 'favorDecSpeed'])] = random.pick(VALUES);
  if (random.chance(40)) list.push(one);
  else if (random.chance(60)) list[random.below(list.length)] = one;
  else list.push(list[0]);
}

/** JSON as text, with something changed that a parser may or may not see. */
function changedText(json: Record<string, unknown>, random: Random): string {
  const keys = Object.keys(json);
  const key = random.pick(keys);
  const value = json[key];
  switch (random.below(8)) {
    case 0:
      Reflect.deleteProperty(json, key);
      break;
    case 1:
      json[
        random.pick([
          'more',
          '__proto__',
          'level',
          'winbits',
          'dictionary',
          'shrinker',
          'chainSize',
          'kernel',
          'comment',
        ])
      ] = random.pick(VALUES);
      break;
    case 2:
      return ` \n${JSON.stringify(json).replaceAll(':', ' :\t')} `;
    case 3:
      return `{"${key}":${JSON.stringify(random.pick(VALUES))},${JSON.stringify(json).slice(1)}`; // twice: the last one counts
    case 4:
      return random.pick(['\ufeff', '[', 'null', '', '1 ']) + JSON.stringify(json);
    default:
      if (Array.isArray(value) && random.chance(70)) changeList(value as Record<string, unknown>[], random);
      else json[key] = typeof value === 'number' && random.chance(40) ? near(random, value) : random.pick(VALUES);
  }
  return JSON.stringify(json);
}

function changeJson(section: RawSection, random: Random): void {
  const { type, payload } = section;
  const start = type === 'CODC' ? 4 : 0;
  const end = start === 4 ? 4 + Buffer.from(payload).readUInt32LE(0) : payload.length;
  const json = JSON.parse(Buffer.from(payload.subarray(start, end)).toString()) as Record<string, unknown>;
  const text = Buffer.from(changedText(json, random));
  if (random.chance(2) && text.length > 3) text[random.below(text.length)] = 0xff; // no UTF-8
  const head = Buffer.alloc(start);
  if (start === 4) head.writeUInt32LE(random.chance(95) ? text.length : near(random, text.length) % 2 ** 32);
  section.payload = Uint8Array.from(Buffer.concat([head, text, payload.subarray(end)]));
}

function changeSections(sections: RawSection[], donor: () => RawSection[], random: Random): void {
  const at = random.below(sections.length);
  const section = sections[at];
  const isText = ['HEAD', 'CODC', 'DEVC'].includes(section.type);
  switch (random.below(12)) {
    case 0:
      sections.splice(at, 1);
      return;
    case 1:
      sections.splice(random.below(sections.length + 1), 0, structuredClone(section));
      return;
    case 2: {
      const other = random.below(sections.length);
      [sections[at], sections[other]] = [sections[other], section];
      return;
    }
    case 3: {
      const others = donor();
      const other = random.pick(others);
      sections.splice(random.below(sections.length + 1), random.below(2), other);
      return;
    }
    case 4:
      section.type = random.pick(['HEAD', 'CODC', 'DEVC', 'PAGE', 'ATCH', 'END ', 'MORE', 'page']);
      return;
    default: {
      const target = isText && random.chance(50) ? section : (sections.find(({ type }) => type === 'PAGE') ?? section);
      if (['HEAD', 'CODC', 'DEVC'].includes(target.type)) {
        changeJson(target, random);
        return;
      }
      if (target.type !== 'PAGE') return;
      const records = recordsOf(target.payload);
      changeRecord(records, random);
      target.payload = payloadOf(records, random.chance(2));
      if (random.chance(3)) target.payload = target.payload.slice(0, random.below(target.payload.length + 1));
      if (random.chance(5)) {
        // Two sections of the records of one.
        const cut = random.below(records.length + 1);
        target.payload = payloadOf(records.slice(0, cut));
        sections.splice(sections.indexOf(target) + 1, 0, { type: 'PAGE', payload: payloadOf(records.slice(cut)) });
      }
    }
  }
}

/** Makes the numbers of HEAD and DEVC those of the records, so that a file is not refused for them alone. */
function recount(sections: RawSection[]): void {
  const named: Set<number>[] = [];
  let [objects, device, page] = [0, 0, 0];
  for (const { type, payload } of sections) {
    if (type !== 'PAGE') continue;
    for (const { kind, numbers } of recordsOf(payload)) {
      const shape = kind & 127;
      if (shape === 1) [device, page] = numbers;
      if (shape === 4) objects++;
      const count = shape === 2 || shape === 3 ? Math.min(numbers[0], 2000) : shape > 3 ? 1 : 0;
      if (page + count > 2 ** 32) continue; // no disk is as large; behind 2^53 adding one changes nothing
      for (const end = page + count; page < end; page++) (named[device] ??= new Set()).add(page);
    }
  }
  let n = 0;
  for (const section of sections) {
    if (section.type !== 'HEAD' && section.type !== 'DEVC') continue;
    const json = JSON.parse(Buffer.from(section.payload).toString()) as Record<string, unknown>;
    if (section.type === 'HEAD') json.objects = objects;
    else json.pagesStored = named[n++]?.size ?? 0;
    section.payload = Uint8Array.from(Buffer.from(JSON.stringify(json)));
  }
}

/** Bytes changed anywhere. */
function changeBytes(file: Uint8Array, random: Random): Uint8Array {
  const at = random.below(file.length);
  const length = Math.min(random.pick([1, 2, 4, 40]), file.length - at);
  switch (random.below(6)) {
    case 0:
      return file.slice(0, at);
    case 1:
      return Uint8Array.from(Buffer.concat([file.subarray(0, at), file.subarray(at + length)]));
    case 2:
      return Uint8Array.from(Buffer.concat([file, file.subarray(at, at + length)]));
    case 3:
      random.fill(file.subarray(at, at + length));
      return file;
    default:
      file[at] ^= 1 << random.below(8);
      return file;
  }
}

/**
 * A changed file: mostly with right checksums, so that what is behind them is tested.
 * @param donor a file that sections are taken from
 */
export function changedFile(file: Uint8Array, donor: Uint8Array, seed: number): Uint8Array {
  const random = new Random(seed, 'change');
  if (random.chance(15)) {
    const changed = changeBytes(Uint8Array.from(file), random);
    return random.chance(50) ? changed : resealed(changed);
  }
  const { preamble, sections } = partsOf(file);
  for (let n = random.pick([1, 1, 1, 2, 3]); n > 0 && sections.length > 0; n--) {
    try {
      changeSections(sections, () => partsOf(donor).sections, random);
      if (n === 1 && random.chance(50)) recount(sections);
    } catch (error) {
      if (!['SyntaxError', 'RangeError'].includes((error as Error).name)) throw error; // by name: Node's are of another realm
      // What an earlier change made cannot be taken apart any more: it stays as it is.
    }
  }
  return fileOf(preamble, sections);
}
