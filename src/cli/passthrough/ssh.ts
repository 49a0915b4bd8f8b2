import { machineFor } from '../../operations/machines/active.js';
import { execOnOne } from '../../operations/machines/exec.js';
import { runOnMachines } from './machines.js';
import type { Passthrough } from './passthrough.js';

/** A login shell, as sshd starts one. */
const loginShell = 'exec "${SHELL:-/bin/sh}" -l';

/** A shell on a machine, or one command, its words joined by spaces as ssh does. @returns the remote exit code */
export async function ssh({ flags, tail, opened }: Passthrough): Promise<number> {
  const [nodes, words] = flags.host.length > 0 ? [flags.host, tail] : [tail.slice(0, 1), tail.slice(1)];
  const machine = await machineFor(nodes, opened.context);
  const command = words.length > 0 ? words.join(' ') : loginShell;
  return runOnMachines(
    [machine],
    {
      one: (target, streams) => execOnOne(command, target, streams, opened.context),
      commandFor: () => command,
    },
    opened,
  );
}
