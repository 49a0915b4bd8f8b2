import type { OwnFlags } from '../command-line.js';
import type { OpenContext } from '../open-context.js';

export interface Passthrough {
  flags: OwnFlags;
  /** The arguments of the other program. */
  tail: readonly string[];
  opened: OpenContext;
}

/** @returns the exit code */
export type PassthroughRunner = (passthrough: Passthrough) => Promise<number>;
