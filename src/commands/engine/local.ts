import { EngineCommand, type EngineReport } from '../../cli/engine-command.js';
import { allFlag, forceFlag } from '../../cli/flags.js';
import { changeAccess } from '../../engine/provision-machines.js';

export default class EngineLocal extends EngineCommand<typeof EngineLocal> {
  static override summary = 'let engines listen on their socket alone: SSH is the way in';
  static override usage = 'engine local NODES...';
  static override flags = { ...allFlag, ...forceFlag };
  static override examples = [
    { description: 'one machine', command: '<%= config.bin %> engine local node1' },
    { description: 'all of them', command: '<%= config.bin %> engine local --all' },
  ];

  async run(): Promise<EngineReport> {
    return this.setUp(this.words, this.flags.all, (machines, context) =>
      changeAccess('local', machines, { force: this.flags.force }, context),
    );
  }
}
