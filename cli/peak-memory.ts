/** The most memory that this process ever had in RAM. */
import { readFileSync } from 'node:fs';

/** Peak resident bytes of this process. */
export function peakRss(): number {
  // Linux's ru_maxrss starts from the peak of the program that started this one, which may have been far larger;
  // VmHWM counts this program's own memory only.
  return peakByStatus() ?? process.resourceUsage().maxRSS * 1024;
}

/** VmHWM of /proc/self/status; undefined if the system has none. */
function peakByStatus(): number | undefined {
  try {
    const match = /^VmHWM:\s+([0-9]+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
    return match === null ? undefined : Number(match[1]) * 1024;
  } catch {
    return undefined;
  }
}
