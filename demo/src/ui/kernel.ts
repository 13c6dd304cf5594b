/** What your kernel would say: the device's sysfs attributes, in the kernel's own text. */
import type { Details } from '../engine/protocol.js';
import { h } from './dom.js';

const COLUMNS: Record<string, string> = {
  mm_stat:
    'orig_data_size compr_data_size mem_used_total mem_limit mem_used_max same_pages pages_compacted huge_pages huge_pages_since pages_merged',
  io_stat: 'failed_reads failed_writes invalid_io notify_free',
  bd_stat: 'bd_count bd_reads bd_writes',
};
const FIRST = ['mm_stat', 'io_stat', 'bd_stat', 'comp_algorithm', 'recomp_algorithm', 'disksize'];

export class Kernel {
  readonly element = h('div', {
    class: 'kernel',
    tabindex: 0,
    role: 'region',
    'aria-label': 'Attributes of the device',
  });

  show(sysfs: Details['sysfs']): void {
    const rank = (name: string): number => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
    const sorted = [...sysfs].sort((a, b) => rank(a.name) - rank(b.name));
    this.element.replaceChildren(...sorted.map(({ name, help, text }) => attribute(name, help, text)));
  }
}

function attribute(name: string, help: string, text: string): HTMLElement {
  const columns = COLUMNS[name]?.split(' ');
  const figures = text.trim().split(/\s+/);
  const lines: Node[] = [h('p', { class: 'prompt', title: help }, `$ cat /sys/block/zram0/${name}`)];
  lines.push(h('pre', { 'data-attribute': name }, text.trimEnd()));
  if (columns !== undefined) {
    const named = columns.flatMap((column, n) => (figures[n] === undefined ? [] : [`${column} ${figures[n]}`]));
    lines.push(h('ul', { class: 'columns' }, ...named.map((line) => h('li', {}, line))));
  }
  return h('div', { class: 'attribute' }, ...lines);
}
