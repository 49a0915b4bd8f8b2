import { BaseCommand } from '../cli/base-command.js';
import { argument } from '../cli/flags.js';
import { activate, activeMachine, qualifiedName } from '../operations/machines/active.js';

export default class Active extends BaseCommand<typeof Active> {
  static override summary = 'choose or show the machine that "belt docker" talks to';
  static override args = {
    node: argument('the machine to talk to from now on'),
  };
  static override examples = [
    { description: 'choose', command: '<%= config.bin %> active node1' },
    { description: 'show', command: '<%= config.bin %> active' },
  ];

  async run(): Promise<{ active: string }> {
    const context = await this.context();
    const machine =
      this.args.node === undefined ? await activeMachine(context) : await activate(this.args.node, context);
    const active = qualifiedName(machine, context);
    this.print(active);
    return { active };
  }
}
