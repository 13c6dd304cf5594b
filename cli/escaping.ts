/**
 * Names come from untrusted files and go to a terminal: nothing in them may move the cursor, change colours, reverse
 * the direction of writing, or break a line.
 */

/** Control characters (C0, DEL, C1), invisible ones such as bidi controls, line separators, and lone surrogates. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
/** The longest message. A name in it may be megabytes long. */
const MESSAGE_CHARACTERS_MAX = 1000;

/** Text of one line, with a question mark in place of each character that does not print. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '?');
}

/** As `printable`, but keeps line ends. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** A message as one line; a very long one loses its middle. */
export function messageLine(text: string): string {
  const half = MESSAGE_CHARACTERS_MAX / 2;
  const cut = text.length <= MESSAGE_CHARACTERS_MAX ? text : `${text.slice(0, half)} ... ${text.slice(-half)}`;
  return printable(cut);
}

/** Equivalent JSON, in which characters that a terminal should not get are escaped. */
export function printableJson(json: string): string {
  const escape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return json.replace(UNPRINTABLE, (found) => (found === '\n' ? found : found.split('').map(escape).join('')));
}
