import { argument } from '../cli/flags.js';
import { HelpOnlyReport } from '../cli/help-only-command.js';

export default class Url extends HelpOnlyReport {
  static override summary = "the URL of a machine's engine";
  static override description =
    'Without NODE it is the active machine, or else the one called "default". Nobody is asked over the network.';
  static override args = { node: argument('the machine') };
  static override examples = [{ description: 'one machine', command: '<%= config.bin %> url node1' }];
}
