import { Flags } from '@oclif/core';
import { UsageError } from '../base/errors.js';

const hidden = { hidden: true };
const several = { ...hidden, multiple: true, multipleNonGreedy: true } as const;

/** docker-machine's flags for the standalone Swarm, which belt rejects with an explanation. */
export const oldSwarmFlags = {
  swarm: Flags.boolean(hidden),
  'swarm-master': Flags.boolean(hidden),
  'swarm-experimental': Flags.boolean(hidden),
  'swarm-image': Flags.string(hidden),
  'swarm-discovery': Flags.string(hidden),
  'swarm-strategy': Flags.string(hidden),
  'swarm-host': Flags.string(hidden),
  'swarm-addr': Flags.string(hidden),
  'swarm-opt': Flags.string(several),
  'swarm-join-opt': Flags.string(several),
};

/** @throws UsageError if any is given, except as `--swarm=false` */
export function refuseOldSwarm(flags: Readonly<Record<string, unknown>>): void {
  const given = Object.keys(oldSwarmFlags).find((name) => (flags[name] ?? false) !== false);
  if (given === undefined) return;
  throw new UsageError(`--${given} is not supported: engines no longer have the standalone Swarm`, {
    hint: 'belt swarm init, then belt swarm join',
  });
}
