import { Flags } from '@oclif/core';
import { UsageError } from '../base/errors.js';

const hidden = { hidden: true };
const several = { ...hidden, multiple: true, multipleNonGreedy: true } as const;

/** docker-machine's flags for the swarm before Docker 1.12: known only to say what there is instead. */
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

/** @throws UsageError when any of them is given; `--swarm=false` asks for none */
export function refuseOldSwarm(flags: Readonly<Record<string, unknown>>): void {
  const given = Object.keys(oldSwarmFlags).find((name) => (flags[name] ?? false) !== false);
  if (given === undefined) return;
  throw new UsageError(`--${given} is for the swarm of before Docker 1.12, which engines no longer have`, {
    hint: 'create the machines without it, then: belt swarm init, belt swarm join',
  });
}
