import { Args } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.js';
import { completionScript, type Shell, shells } from '../cli/completion/completion-script.js';
import { globalFlags } from '../cli/flags.js';

export default class Completion extends BaseCommand<typeof Completion> {
  static override baseFlags = globalFlags;
  static override summary = 'Generate a shell completion script';
  static override description =
    `Machine names come from local records. Arguments of docker are completed by docker itself, and names
of services by a manager.

For zsh, the script also defines the alias belt='noglob belt', so that patterns such as node[1:4] need no
quotes. To have zsh expand the files of one command, write \\belt.

To complete the alias "docker-machine" too, add one more line:
  bash: complete -F _belt docker-machine
  zsh: compdef docker-machine=belt
  fish: complete -c docker-machine -w belt`;
  static override args = {
    shell: Args.string({
      options: [...shells],
      description: 'Shell to complete in',
      required: true,
      ignoreStdin: true,
    }),
  };
  static override examples = [
    { description: 'In ~/.bashrc', command: 'eval "$(<%= config.bin %> completion bash)"' },
    { description: 'In ~/.zshrc, after compinit', command: 'eval "$(<%= config.bin %> completion zsh)"' },
    { description: 'In ~/.config/fish/config.fish', command: '<%= config.bin %> completion fish | source' },
  ];

  async run(): Promise<void> {
    process.stdout.write(await completionScript(this.args.shell as Shell, this.config.root));
  }
}
