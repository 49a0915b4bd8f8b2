import { Flags } from '@oclif/core';
import { askUnlockKey } from '../../cli/ask-unlock-key.js';
import { BaseCommand } from '../../cli/base-command.js';
import { requiredArgument } from '../../cli/flags.js';
import { machineFor } from '../../machines/active-machine.js';
import { selectMachines } from '../../machines/select-machines.js';
import { type Recovered, rejoinMachines } from '../../swarm/recovery/recover-swarm.js';
import { type Restored, restoreSwarm } from '../../swarm/recovery/restore-swarm.js';
import { recoveredText, restoredText } from '../../swarm/views/recovery-texts.js';

export default class Restore extends BaseCommand<typeof Restore> {
  static override summary = 'Restore a swarm from a backup, on a machine that becomes its only manager';
  static override description =
    `FILE is from "belt swarm backup", or is a tar of a manager's /var/lib/docker/swarm. It is read completely
before anything changes. The machine's previous swarm state is moved aside. For a locked swarm, the
unlock key is prompted for, or read from standard input.`;
  static override usage = 'swarm restore FILE NODE [--rejoin NODES]... [--force]';
  static override args = {
    file: requiredArgument('Backup file'),
    node: requiredArgument('Machine to restore on'),
  };
  static override flags = {
    rejoin: Flags.string({
      summary: 'Machines that rejoin in their previous roles; "belt swarm recover" rejoins them later',
      helpValue: 'NODES',
      multiple: true,
      multipleNonGreedy: true,
    }),
    force: Flags.boolean({
      summary: 'Restore even if the machine is in a healthy swarm, or the backed-up swarm is running',
    }),
  };
  static override examples = [
    {
      description: 'Restore after losing all managers',
      command: '<%= config.bin %> swarm restore swarm.tar.gz mg1',
    },
    {
      description: 'Restore and rejoin the workers',
      command: '<%= config.bin %> swarm restore swarm.tar.gz mg1 --rejoin "node*"',
    },
  ];

  async run(): Promise<Restored & Partial<Recovered>> {
    const { file, node } = this.args;
    const { rejoin = [], force } = this.flags;
    const context = await this.context();
    const path = await this.resolvePath(file);
    const machine = await machineFor([node], context);
    const returning = rejoin.length > 0 ? await selectMachines(rejoin, context) : [];
    const restored = await restoreSwarm(
      { machine, path, askUnlockKey: () => askUnlockKey(context.signal), force },
      context,
    );
    this.print(restoredText(restored, { hint: rejoin.length === 0 }));
    if (rejoin.length === 0) return restored;
    const rejoined = await rejoinMachines(returning, context);
    if (rejoined.returned.failed.length > 0) this.fail();
    this.print(recoveredText(rejoined));
    return { ...restored, ...rejoined };
  }
}
