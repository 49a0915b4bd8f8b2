import { EngineCommand, type EngineReport } from '../../cli/engine-command.js';
import { allFlag, forceFlag } from '../../cli/flags.js';
import { changeAccess } from '../../engine/provision-machines.js';

export default class EngineLocal extends EngineCommand<typeof EngineLocal> {
  static override summary = 'Restrict engines to their local socket (SSH only)';
  static override usage = 'engine local NODES...';
  static override flags = { ...allFlag, ...forceFlag };
  static override examples = [
    { description: 'Restrict one engine', command: '<%= config.bin %> engine local node1' },
    { description: 'Restrict all engines', command: '<%= config.bin %> engine local --all' },
  ];

  async run(): Promise<EngineReport> {
    return this.setUp(this.words, this.flags.all, (machines, context) =>
      changeAccess('local', machines, { force: this.flags.force }, context),
    );
  }
}
