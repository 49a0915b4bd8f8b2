import { EngineCommand, type EngineReport } from '../../cli/engine-command.js';
import { allFlag, forceFlag } from '../../cli/flags.js';
import { changeAccess } from '../../engine/provision-machines.js';

export default class EngineSecure extends EngineCommand<typeof EngineSecure> {
  static override summary = 'Expose engines on TCP 2376 with mutual TLS';
  static override usage = 'engine secure NODES...';
  static override flags = { ...allFlag, ...forceFlag };
  static override examples = [
    { description: 'Expose one engine', command: '<%= config.bin %> engine secure node1' },
    { description: 'Expose several engines', command: '<%= config.bin %> engine secure node[1:3]' },
  ];

  async run(): Promise<EngineReport> {
    return this.setUp(this.words, this.flags.all, (machines, context) =>
      changeAccess('secure', machines, { force: this.flags.force }, context),
    );
  }
}
