/** Making elements. Styles are in style.css: the Content-Security-Policy allows no inline ones. */

type Child = Node | string | undefined;
type Attributes = Readonly<Record<string, string | number | boolean | undefined | ((event: never) => void)>>;

/** An element: attributes by their names, listeners as `onclick`; `true` is a bare attribute, `false` none. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value as EventListener);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

let ids = 0;

/** An id that nothing else of the page has, to tie labels to what they label. */
export function uniqueId(name: string): string {
  return `${name}-${++ids}`;
}

/** A labelled control in one line. */
export function field(label: string, control: HTMLElement, help?: string): HTMLElement {
  control.id ||= uniqueId('field');
  const hint = help === undefined ? undefined : h('span', { class: 'hint', id: uniqueId('hint') }, help);
  if (hint) control.setAttribute('aria-describedby', hint.id);
  return h('div', { class: 'field' }, h('label', { for: control.id }, label), control, hint);
}

export function select<V extends string>(
  options: readonly (readonly [value: V, label: string])[],
  onchange: (value: V) => void,
  label?: string,
): HTMLSelectElement {
  const element = h(
    'select',
    { 'aria-label': label },
    ...options.map(([value, label]) => h('option', { value }, label)),
  );
  element.addEventListener('change', () => onchange(element.value as V));
  return element;
}

/** A switch: a checkbox that looks like one. */
export function toggle(
  label: string,
  help: string,
  onchange: (on: boolean) => void,
): { row: HTMLElement; input: HTMLInputElement } {
  const input = h('input', { type: 'checkbox', role: 'switch', id: uniqueId('switch') });
  input.addEventListener('change', () => onchange(input.checked));
  const hint = h('span', { class: 'hint', id: uniqueId('hint') }, help);
  input.setAttribute('aria-describedby', hint.id);
  return { row: h('div', { class: 'field switch' }, h('label', { for: input.id }, label), input, hint), input };
}

export function card(title: string, ...children: readonly Child[]): HTMLElement {
  const heading = h('h2', { id: uniqueId('heading') }, title);
  return h('section', { class: 'card', 'aria-labelledby': heading.id }, heading, ...children);
}
