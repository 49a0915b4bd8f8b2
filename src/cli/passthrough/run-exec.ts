import { UsageError } from '../../base/errors.js';
import { exclusions } from '../../machines/model/select-names.js';
import { execOnOne, shellCommand } from '../../machines/run-commands.js';
import { selectMachines } from '../../machines/select-machines.js';
import type { Passthrough } from './passthrough.js';
import { runOnMachines } from './run-on-machines.js';

/** @returns the command's exit code, or for several machines whether it succeeded on all */
export async function exec({ flags, tail, opened }: Passthrough): Promise<number> {
  const { host, all = false, except = [], limit } = flags;
  const { nodes, command } = nodesAndCommand(tail, host, all);
  const machines = await selectMachines([...nodes, ...exclusions(except)], opened.context, { all });
  return runOnMachines(
    machines,
    {
      run: (machine, streams) => execOnOne(command, machine, streams, opened.context),
      ...(limit !== undefined && { limit }),
    },
    opened,
  );
}

/** NODES end at `--` or, without one, after the first word. --host and --all replace them. */
function nodesAndCommand(
  tail: readonly string[],
  host: readonly string[],
  all: boolean,
): { nodes: readonly string[]; command: string } {
  const end = tail.indexOf('--');
  const count = end === -1 ? (all || host.length > 0 ? 0 : 1) : end;
  const [first, ...more] = tail.slice(end === -1 ? count : end + 1);
  if (first === undefined)
    throw new UsageError('no command specified', { hint: 'belt exec NODES -- COMMAND' });
  return { nodes: [...host, ...tail.slice(0, count)], command: shellCommand([first, ...more]) };
}
