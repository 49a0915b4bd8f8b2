import { Flags } from '@oclif/core';
import { EngineCommand, type EngineReport } from '../cli/engine-command.js';
import { allFlag, forceFlag } from '../cli/flags.js';
import { provisionMachines } from '../engine/provision-machines.js';

export default class Provision extends EngineCommand<typeof Provision> {
  static override summary = 'Reapply recorded engine settings';
  static override description =
    `Installs a missing engine, repairs changed files and the certificate, and restarts the engine only if
something changed.`;
  static override usage = 'provision [NODES...]';
  static override flags = {
    ...allFlag,
    ...forceFlag,
    'set-hostname': Flags.boolean({ summary: "Also set each machine's hostname to its name" }),
  };
  static override examples = [
    { description: 'Provision one machine', command: '<%= config.bin %> provision node1' },
    { description: 'Provision all machines', command: '<%= config.bin %> provision --all' },
  ];

  async run(): Promise<EngineReport> {
    const { force, 'set-hostname': setHostname } = this.flags;
    return this.setUp(await this.namedOrDefault(this.flags.all), this.flags.all, (machines, context) =>
      provisionMachines(machines, { setHostname, force }, context),
    );
  }
}
