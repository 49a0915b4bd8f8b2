import { Flags } from '@oclif/core';
import { type BatchReport, reportOf } from '../app/batch-report.js';
import { BaseCommand } from '../cli/base-command.js';
import { allFlag, argument, nodesArgument } from '../cli/flags.js';
import { isImage, openImages } from '../cli/image-sources.js';
import { ambiguousWord, splitPushWords } from '../engine/model/push-words.js';
import { type PushedImages, pushImages } from '../engine/push-images.js';
import { matchNames } from '../machines/model/select-names.js';
import { selectMachines } from '../machines/select-machines.js';

export default class Push extends BaseCommand<typeof Push> {
  static override summary = 'Copy images to machines without a registry';
  static override description =
    `Images come from the engine that your docker client uses, from another machine (--from), or from an
archive as "docker save" writes it: a tar file, or "-" for standard input. Machines that have an
image, by its ID, are skipped. The source is read once and streamed to all others at the same time;
afterwards each machine's image IDs are compared with the source.

The words at the end that name machines are NODES.`;
  static override strict = false;
  static override usage = 'push IMAGE... NODES...';
  static override args = {
    image: argument('Images by name or ID, one tar file, or "-"'),
    ...nodesArgument,
  };
  static override flags = {
    ...allFlag,
    from: Flags.string({ summary: 'Machine to read the images from', helpValue: 'NODE' }),
  };
  static override examples = [
    { description: 'Copy an image of this computer', command: '<%= config.bin %> push web:1 node[1:4]' },
    {
      description: 'Copy two images of a machine to all machines',
      command: '<%= config.bin %> push --from node1 web:1 db:2 --all',
    },
    { description: 'Copy the images of a tar file', command: '<%= config.bin %> push web.tar node2' },
  ];

  async run(): Promise<BatchReport<PushedImages>> {
    const context = await this.context();
    const environment = await this.environment();
    const { all, from } = this.flags;
    const { machines: known } = await context.cluster.machines();
    const names = known.map(({ name }) => name);
    const split = splitPushWords(this.words, (word) => namesMachines(word, names), { all });
    for (const word of split.ambiguous)
      if (await isImage(word, from, context, environment)) throw ambiguousWord(word, split);
    const machines = await selectMachines(split.nodes, context, { all });
    const source = await openImages({ images: split.images, from }, context, environment, (path) =>
      this.resolvePath(path),
    );
    const outcomes = await pushImages(source, machines, context);
    context.signal.throwIfAborted();
    this.failUnlessOk(outcomes);
    return reportOf(outcomes, (_, pushed) => pushed);
  }
}

/** Patterns with a machine that does not exist are meant as machines too. */
function namesMachines(word: string, names: readonly string[]): boolean {
  if (names.includes(word)) return true;
  try {
    return /[[*?]/.test(word) || matchNames([word], names).found.length > 0;
  } catch {
    return false;
  }
}
