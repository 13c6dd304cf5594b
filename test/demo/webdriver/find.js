/* eslint-disable no-unused-vars -- it is sent to the page, in front of what uses it */
/* global document */
/** Elements by the steps of a locator: CSS, roles and labels with names, texts, and the n-th. Runs in the page. */
function find(steps) {
  const tidy = (text) => (text ?? '').replace(/\s+/g, ' ').trim();
  const fits = (text, { source, flags, string, exact }) => {
    if (source !== undefined) return new RegExp(source, flags).test(tidy(text));
    return exact ? tidy(text) === string : tidy(text).toLowerCase().includes(string.toLowerCase());
  };
  const ROLES = {
    button: 'button, [role=button]',
    switch: '[role=switch]',
    slider: 'input[type=range]',
    textbox: 'textarea, input[type=text], input:not([type])',
    link: 'a[href]',
    group: 'fieldset, [role=group]',
  };
  const labels = (element) => Array.from(element.labels ?? [], (label) => tidy(label.textContent)).join(' ');
  const nameOf = (element) =>
    element.getAttribute('aria-label') ||
    labels(element) ||
    tidy(element.querySelector('legend')?.textContent) ||
    tidy(element.textContent);
  const shown = (element) => element.getClientRects().length > 0;
  let found = [document];
  for (const step of steps) {
    const below = (css) => found.flatMap((root) => Array.from(root.querySelectorAll(css)));
    if (step.css !== undefined) found = below(step.css);
    if (step.role !== undefined) {
      found = below(ROLES[step.role] ?? `[role=${step.role}]`).filter(shown);
      if (step.name) found = found.filter((element) => fits(nameOf(element), step.name));
    }
    if (step.label) found = below('input, select, textarea').filter((element) => fits(labels(element), step.label));
    if (step.text) found = found.filter((element) => fits(element.textContent, step.text));
    if (step.nth !== undefined) found = found.slice(step.nth, step.nth + 1);
  }
  return found;
}
