import { EngineCommand, type EngineReport } from '../../cli/engine-command.js';
import { allFlag, forceFlag, yesFlag } from '../../cli/flags.js';
import { changeAccess } from '../../engine/provision-machines.js';
import { selectMachines } from '../../machines/select-machines.js';

export default class EngineInsecure extends EngineCommand<typeof EngineInsecure> {
  static override summary = 'Expose engines on TCP 2375 without TLS';
  static override description =
    `Anyone who can reach that port is root on the machine, without a password. Only use it in a closed
network.`;
  static override usage = 'engine insecure NODES...';
  static override flags = { ...allFlag, ...forceFlag, ...yesFlag };
  static override examples = [
    {
      description: 'Expose one engine after confirmation',
      command: '<%= config.bin %> engine insecure node1',
    },
    {
      description: 'Expose one engine without confirmation',
      command: '<%= config.bin %> engine insecure --yes node1',
    },
  ];

  async run(): Promise<EngineReport> {
    const { all, force, yes } = this.flags;
    const context = await this.context();
    const names = (await selectMachines(this.words, context, { all })).map(({ name }) => name);
    if (names.length === 0) return { ok: [], failed: [], skipped: [] };
    if (!yes) await this.confirmExposure(names);
    return this.setUp(names, false, (machines) => changeAccess('insecure', machines, { force }, context));
  }

  private async confirmExposure(names: readonly string[]): Promise<void> {
    this.explain(
      `WARNING: anyone who can reach TCP port 2375 of ${names.join(', ')} will be root there, without a password or certificate.`,
    );
    await this.confirm('Are you sure?', 'changed', 'belt engine local');
  }
}
