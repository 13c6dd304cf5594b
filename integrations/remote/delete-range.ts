/** Deletes what has a number from `first` on, below `end`: each of these, or whichever is there, as fewer are to be looked at. */
export function deleteRange(map: Map<number, unknown>, first: number, end: number): void {
  if (end - first <= map.size) for (let n = first; n < end; n++) map.delete(n);
  else for (const n of map.keys()) if (n >= first && n < end) map.delete(n);
}
