import { argument } from '../cli/flags.js';
import { HelpOnlyReport } from '../cli/help-only-command.js';

export default class Url extends HelpOnlyReport {
  static override summary = "Show the URL of a machine's Docker Engine";
  static override description =
    `Without NODE, uses the active machine, or else the one named "default". Reads local records only;
makes no network requests.`;
  static override args = { node: argument('Machine') };
  static override examples = [
    { description: 'Show the URL of one machine', command: '<%= config.bin %> url node1' },
  ];
}
