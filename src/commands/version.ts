import { BaseCommand } from '../cli/base-command.js';
import { argument } from '../cli/flags.js';
import { versionLine } from '../cli/version-line.js';
import { queryDockerVersion } from '../machines/docker-version.js';

export default class Version extends BaseCommand<typeof Version> {
  static override summary = "Show belt's version, or the version of a machine's engine";
  static override args = { node: argument('Machine whose engine to query') };
  static override examples = [
    { description: 'Show the version of belt', command: '<%= config.bin %> version' },
    { description: 'Show the version of an engine', command: '<%= config.bin %> version node1' },
  ];

  async run(): Promise<{ version: string } | { name: string; version: string }> {
    const { node } = this.args;
    if (node === undefined) {
      this.print(versionLine(this.config.root));
      return { version: this.config.version };
    }
    const answer = await queryDockerVersion(node, await this.context());
    this.print(answer.version);
    return answer;
  }
}
