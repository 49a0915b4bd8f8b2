import { dockerCommand, runDocker } from '../../engine/remote-docker.js';
import { machinesFor } from '../../machines/active-machine.js';
import type { Passthrough } from './passthrough.js';
import { runOnMachines } from './run-on-machines.js';

/** Runs docker on the active machine, or on those of --host. @returns docker's exit code */
export async function docker({ flags, tail, opened }: Passthrough): Promise<number> {
  const machines = await machinesFor(flags.host, opened.context);
  return runOnMachines(
    machines,
    {
      one: (machine, streams) => runDocker(tail, machine, streams, opened.context),
      commandFor: (machine) => dockerCommand(tail, machine),
    },
    opened,
  );
}
