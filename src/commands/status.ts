import { Flags } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.js';
import { argument, timeoutFlag } from '../cli/flags.js';
import { defaultMachine, hasDefault } from '../machines/default-machine.js';
import { observe } from '../machines/list-machines.js';
import { parseGoal, type StatusGroup, statusGroups, waitForStatus } from '../machines/machine-status.js';
import { machineStates } from '../machines/model/machine.js';
import { noMachines, selectMachine } from '../machines/select-machines.js';
import { statusTable } from '../machines/views/machine-tables.js';
import { capitalize } from '../ui/table.js';

export default class Status extends BaseCommand<typeof Status> {
  static override summary = 'Show machine states';
  static override description =
    `Without NODE, shows all machines, or only the one named "default" if it exists, as docker-machine
does. The states are ${machineStates.join(', ')}.`;
  static override args = {
    node: argument('Machine whose state to print'),
  };
  static override flags = {
    wait: Flags.string({
      summary: 'Wait until N machines are in a state, such as running=3',
      helpValue: 'STATE=N',
    }),
    ...timeoutFlag('Timeout in seconds', 600),
  };
  static override examples = [
    { description: 'Show all states', command: '<%= config.bin %> status' },
    {
      description: 'Wait for three running machines',
      command: '<%= config.bin %> status --wait running=3 --timeout 60',
    },
    { description: 'Show one machine', command: '<%= config.bin %> status node1' },
  ];

  async run(): Promise<StatusGroup[] | { name: string; state: string }> {
    const { wait } = this.flags;
    if (this.args.node !== undefined) return this.one(this.args.node);
    if (wait !== undefined) return this.waitFor(wait);
    if (await hasDefault((await this.context()).cluster)) return this.one(defaultMachine);
    const groups = await statusGroups(await this.context());
    this.printRows(groups, statusTable(groups), noMachines);
    return groups;
  }

  private async one(node: string): Promise<{ name: string; state: string }> {
    const context = await this.context();
    const [row] = await observe([await selectMachine(node, context, 'belt ls')], context);
    if (!row) throw new Error(`no row for ${node}`);
    this.print(capitalize(row.state));
    return { name: row.machine.name, state: row.state };
  }

  private async waitFor(text: string): Promise<StatusGroup[]> {
    const goal = parseGoal(text);
    const onGroups = (groups: StatusGroup[]): void => this.print(statusTable(groups));
    return waitForStatus(
      { goal, timeoutMs: this.flags.timeout * 1000, intervalMs: 1000, onGroups },
      await this.context(),
    );
  }
}
