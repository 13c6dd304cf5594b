/**
 * The report of `analyze` as one web page, to be handed around. All that it shows is in it: a strict policy forbids it to
 * ask for anything else, and nothing that comes from an input is markup.
 */
import { createHash } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';

import { htmlScript, htmlStyle } from '../build/html-report.js';
import type { AlgorithmResult, Analysis } from './analysis.js';
import { printableLines, printable } from './escaping.js';
import type { HtmlData } from './html/data.js';
import { toText } from './report.js';

/** The whole page. @param analysis with the states of pages */
export function toHtml(analysis: Analysis, version: string): string {
  const title = `zram-wasm ${version}`;
  const script = `sha256-${createHash('sha256').update(htmlScript).digest('base64')}`;
  const policy = `default-src 'none'; script-src '${script}'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}: memory, compressed</title>
<style>${htmlStyle}</style>
</head>
<body>
<h1>What zram would make of these pages</h1>
<p><label>Algorithm of the map and of the size classes: <select id="algorithm"></select></label></p>
<h2>Pages</h2>
<p id="map-note"></p>
<div id="map-frame"><canvas id="map" role="img" aria-label="A cell for each page"></canvas></div>
<p id="under" role="status"></p>
<ul id="legend"></ul>
<h2>Compressed sizes of pages that are not same-filled</h2>
<div id="sizes"></div>
<h2>Memory, before and after merging</h2>
<div id="memory"></div>
<h2>Size classes in which merging found something</h2>
<div id="classes"></div>
<h2>The report</h2>
<pre id="report">${escaped(printableLines(toText(analysis, version)))}</pre>
<script type="application/json" id="data">${jsonInMarkup(dataOf(analysis))}</script>
<script>${htmlScript}</script>
</body>
</html>
`;
}

function dataOf({ inputs, algorithms }: Analysis): HtmlData {
  return {
    inputs: inputs.map(({ name, pages }) => ({ name: printable(name), pages })),
    algorithms: algorithms.map((result) => ({
      name: result.algorithm,
      memory: {
        before: result.mmStat.before.memUsedTotal,
        afterCompact: result.mmStat.afterCompact.memUsedTotal,
      },
      classes: result.classes.map(({ size, objects, merged }) => ({ size, objects, merged })),
      states: packed(result),
    })),
  };
}

/** 16 bits a page, little-endian, deflated, in base64. */
function packed({ algorithm, states }: AlgorithmResult): string {
  if (states === undefined) throw new Error(`the states of the pages of ${algorithm} were not kept`);
  const bytes = Buffer.alloc(2 * states.length);
  for (const [page, state] of states.entries()) bytes.writeUInt16LE(state, 2 * page);
  return deflateRawSync(bytes).toString('base64');
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

const escaped = (text: string): string => text.replace(/[&<>"]/g, (found) => ENTITIES[found] ?? '');

/** JSON that cannot end its element. */
const jsonInMarkup = (data: HtmlData): string => JSON.stringify(data).replaceAll('<', String.raw`\u003c`);
