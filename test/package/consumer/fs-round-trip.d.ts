import type { PageFs } from '../../../integrations/fs.js';

export interface FsSeen {
  readonly changes: unknown;
  readonly files: number;
  readonly bytes: number;
  readonly code: string;
  readonly read: string;
  readonly same: boolean;
  readonly merged: boolean;
}
export function fsRoundTrip(library: { PageFs: typeof PageFs }): Promise<FsSeen>;
