/** Figures for people. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function bytes(value: number): string {
  let unit = 0;
  let scaled = value;
  while (scaled >= 1024 && unit < UNITS.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return `${unit === 0 ? scaled : scaled.toPrecision(scaled >= 1000 ? 4 : 3)} ${UNITS[unit]}`;
}

const WHOLE = new Intl.NumberFormat('en');

export function whole(value: number): string {
  return WHOLE.format(Math.round(value));
}

/** Bytes a second, in the units of disks: powers of ten. */
export function rate(bytesPerSecond: number): string {
  const megabytes = bytesPerSecond / 1e6;
  return megabytes >= 1000 ? `${(megabytes / 1000).toFixed(2)} GB/s` : `${megabytes.toPrecision(3)} MB/s`;
}

export function milliseconds(value: number): string {
  if (value >= 1000) return `${(value / 1000).toPrecision(3)} s`;
  return `${value >= 100 ? Math.round(value) : value.toPrecision(2)} ms`;
}

export function percent(part: number, whole: number): string {
  const value = whole === 0 ? 0 : (100 * part) / whole;
  return `${value === 0 || value === 100 ? value : value.toPrecision(value < 1 ? 2 : 3)} %`;
}

export function times(value: number): string {
  return `${value >= 100 ? Math.round(value) : value.toPrecision(3)}×`;
}

export function count(value: number, one: string, many = `${one}s`): string {
  return `${whole(value)} ${value === 1 ? one : many}`;
}
