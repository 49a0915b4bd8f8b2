import { type BatchReport, reportOf } from '../../app/batch-report.js';
import { explanationOf, withoutName } from '../../base/errors.js';
import { BaseCommand } from '../../cli/base-command.js';
import { allFlag, nodesArgument } from '../../cli/flags.js';
import { type EngineView, showEngines } from '../../engine/show-engines.js';
import { engineTable } from '../../engine/views/engine-tables.js';
import { selectMachines } from '../../machines/select-machines.js';

export default class EngineShow extends BaseCommand<typeof EngineShow> {
  static override summary = 'Show recorded and actual engine settings';
  static override usage = 'engine show NODES...';
  static override strict = false;
  static override args = nodesArgument;
  static override flags = allFlag;
  static override examples = [
    { description: 'Show one engine', command: '<%= config.bin %> engine show node1' },
    { description: 'Print all settings as JSON', command: '<%= config.bin %> engine show --json node1' },
  ];

  async run(): Promise<BatchReport<EngineView>> {
    const context = await this.context();
    const machines = await selectMachines(this.words, context, { all: this.flags.all });
    const outcomes = await showEngines(machines, context);
    this.failUnlessOk(outcomes);
    const report = reportOf(outcomes, (_, view) => view);
    this.print(engineTable(report.ok, { wide: this.wide }));
    for (const outcome of outcomes) {
      if (outcome.status === 'failed')
        context.reporter.warn(`${outcome.name}: ${withoutName(outcome.name, explanationOf(outcome.error))}`);
    }
    return report;
  }
}
