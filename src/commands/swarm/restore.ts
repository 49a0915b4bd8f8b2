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
  static override summary = 'begin a swarm anew from a backup, on a machine that is its only manager then';
  static override description =
    `Takes what "swarm backup" made, or a tar of a manager's /var/lib/docker/swarm. It is read to its end before anything is changed. A
swarm's folder that the machine has is moved aside and kept. The unlock key of a swarm that locks its managers is asked for, or read from
standard input.`;
  static override usage = 'swarm restore FILE NODE [--rejoin NODES]... [--force]';
  static override args = {
    file: requiredArgument('the backup'),
    node: requiredArgument('the machine'),
  };
  static override flags = {
    rejoin: Flags.string({
      summary: 'machines that are to be nodes again, in the roles that they had; later: belt swarm recover',
      helpValue: 'NODES',
      multiple: true,
      multipleNonGreedy: true,
    }),
    force: Flags.boolean({
      summary: 'do it even where the machine is in a healthy swarm, or the swarm of the backup is alive',
    }),
  };
  static override examples = [
    { description: 'all managers are lost', command: '<%= config.bin %> swarm restore swarm.tar.gz mg1' },
    {
      description: 'the workers are there still',
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
