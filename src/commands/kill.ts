import { LifecycleCommand } from '../cli/lifecycle-command.js';
import { killMachines } from '../operations/machines/lifecycle.js';
import type { BatchReport } from '../operations/machines/summary.js';

export default class Kill extends LifecycleCommand<typeof Kill> {
  static override summary = 'switch machines off at once, as if the plug were pulled';
  static override usage = 'kill [NODES...]';
  static override examples = [
    { description: 'one machine', command: '<%= config.bin %> kill node1' },
    { description: 'several at the same time', command: '<%= config.bin %> kill node[2:4]' },
  ];

  async run(): Promise<BatchReport<string>> {
    return this.change(
      this.flags.all,
      { doing: 'Killing', done: 'was killed', already: 'stopped' },
      killMachines,
    );
  }
}
