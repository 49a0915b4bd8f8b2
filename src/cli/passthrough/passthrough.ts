import type { OwnFlags } from '../command-line.js';
import type { OpenContext } from '../open-context.js';

/** What a passthrough command has to work with. */
export interface Passthrough {
  flags: OwnFlags;
  /** What the person typed for the other program. */
  tail: readonly string[];
  opened: OpenContext;
}

/** @returns the exit code */
export type PassthroughRunner = (passthrough: Passthrough) => Promise<number>;
