/** Light or dark: as the system has it, until a person chooses. */
import type { Theme } from '../map/palette.js';

const KEY = 'zram-wasm-theme';
const dark = matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<(theme: Theme) => void>();

function chosen(): Theme | undefined {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : undefined;
  } catch {
    return undefined; // storage may be forbidden; the choice then lasts as long as the page
  }
}

let theme: Theme = chosen() ?? (dark.matches ? 'dark' : 'light');

function apply(): void {
  document.documentElement.dataset['theme'] = theme;
  for (const listener of listeners) listener(theme);
}

export function currentTheme(): Theme {
  return theme;
}

export function onThemeChange(listener: (theme: Theme) => void): void {
  listeners.add(listener);
}

export function switchTheme(): void {
  theme = theme === 'dark' ? 'light' : 'dark';
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // As above.
  }
  apply();
}

dark.addEventListener('change', ({ matches }) => {
  if (chosen() !== undefined) return;
  theme = matches ? 'dark' : 'light';
  apply();
});
apply();
