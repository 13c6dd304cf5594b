/**
 * Names come out of files that may be anybody's, and end on a terminal: nothing in them may move the cursor, change
 * colours, turn the direction of writing, or break a line.
 */

/** Control characters (C0, DEL, C1), invisible ones such as bidi controls, ends of lines, and halves of characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
/** Of a message: a name in it may have megabytes. */
const MESSAGE_CHARACTERS_MAX = 1000;

/** Text of one line, with a question mark in place of each character that does not print. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '?');
}

/** As `printable`, of lines that end as they do. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** A message as one line, without the middle of one that is too long to be read. */
export function messageLine(text: string): string {
  const half = MESSAGE_CHARACTERS_MAX / 2;
  const cut = text.length <= MESSAGE_CHARACTERS_MAX ? text : `${text.slice(0, half)} ... ${text.slice(-half)}`;
  return printable(cut);
}

/** JSON that says the same, with escapes for what JSON may hold and a terminal should not get. */
export function printableJson(json: string): string {
  const escape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return json.replace(UNPRINTABLE, (found) => (found === '\n' ? found : found.split('').map(escape).join('')));
}
