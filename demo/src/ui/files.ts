/** Files from a person: chosen, or dropped anywhere on the page. */
import { h, uniqueId } from './dom.js';

/** A button that opens the system's dialogue. */
export function fileChooser(text: string, onfiles: (files: File[]) => void, kind = '', multiple = true): HTMLElement {
  const input = h('input', { type: 'file', multiple, class: 'visually-hidden', id: uniqueId('files') });
  input.addEventListener('change', () => {
    const files = [...(input.files ?? [])];
    input.value = '';
    onfiles(files);
  });
  return h('span', { class: 'file-chooser' }, input, h('label', { for: input.id, class: `button ${kind}` }, text));
}

export function acceptDrops(onfiles: (files: File[]) => void): void {
  const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;
  const { classList } = document.documentElement;
  addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    classList.add('dropping');
  });
  addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) classList.remove('dropping');
  });
  addEventListener('drop', (event) => {
    classList.remove('dropping');
    if (!hasFiles(event)) return;
    event.preventDefault();
    onfiles([...event.dataTransfer!.files]);
  });
}
