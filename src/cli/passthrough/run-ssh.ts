import { UsageError, UserError } from '../../base/errors.js';
import { quoteArgs } from '../../base/quote-args.js';
import { machineFor } from '../../machines/active-machine.js';
import type { SshProgramCall } from '../../machines/copy-files.js';
import { namedOrActive } from '../../machines/default-machine.js';
import type { Machine } from '../../machines/model/machine.js';
import { runOverSsh } from '../../machines/openssh-client.js';
import { execOnOne } from '../../machines/run-commands.js';
import { findProgram } from '../../state/environment.js';
import { runProgram } from '../run-program.js';
import type { Passthrough } from './passthrough.js';
import { runOnMachines } from './run-on-machines.js';

/** A login shell, as sshd starts one. */
const loginShell = 'exec "${SHELL:-/bin/sh}" -l';

/**
 * Opens a shell or runs a command, whose words are joined by spaces as ssh does. Interactive shells
 * and ssh's own flags need OpenSSH; commands use belt's connection.
 * @returns the remote exit code
 */
export async function ssh(passthrough: Passthrough): Promise<number> {
  const { flags, tail, opened } = passthrough;
  const [nodes, words] = flags.host.length > 0 ? [flags.host, tail] : [tail.slice(0, 1), tail.slice(1)];
  const [node] = flags.host.length > 0 ? [] : nodes;
  if (node?.startsWith('-'))
    throw new UsageError(`missing argument: NODE before "${node}"`, { hint: 'belt ssh NODE [COMMAND]' });
  const machine = await machineFor(
    await namedOrActive(nodes, opened.context.cluster),
    opened.context,
    `belt exec ${quoteArgs(nodes)} -- ${words.length > 0 ? quoteArgs(words) : 'COMMAND'}`,
  );
  const [first] = words;
  const hasFlags = first?.startsWith('-') === true && first !== '--';
  const isShell = words.length === 0 && process.stdin.isTTY;
  if ((hasFlags || isShell) && !usesNativeSsh(passthrough)) {
    const program = await findProgram('ssh', opened.environment);
    if (program) return runOpenSsh(program, machine, words, passthrough);
  }
  if (hasFlags) {
    throw new UserError(
      `"${first}" is for OpenSSH's ssh, which ${usesNativeSsh(passthrough) ? '--native-ssh rules out' : 'is not on this computer'}`,
    );
  }
  const command = first === '--' ? words.slice(1).join(' ') : words.join(' ');
  return runOnMachines(
    [machine],
    { run: (target, streams) => execOnOne(command || loginShell, target, streams, opened.context) },
    opened,
  );
}

async function runOpenSsh(
  program: string,
  machine: Machine,
  words: readonly string[],
  { opened: { context } }: Passthrough,
): Promise<number> {
  const call = (path: string): SshProgramCall => ({
    program,
    args: ['-F', path, machine.name, ...words],
    unreachableCodes: [255],
  });
  return runOverSsh([machine], call, runProgram, context);
}

/** @see strconv.ParseBool, with which docker-machine reads the variable */
function usesNativeSsh({ flags, opened }: Passthrough): boolean {
  const { MACHINE_NATIVE_SSH: variable = '' } = opened.environment.variables;
  return flags['native-ssh'] ?? ['1', 't', 'true'].includes(variable.toLowerCase());
}
