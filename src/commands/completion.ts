import { Args } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.js';
import { completionScript, type Shell, shells } from '../cli/completion/completion-script.js';
import { globalFlags } from '../cli/flags.js';

export default class Completion extends BaseCommand<typeof Completion> {
  static override baseFlags = globalFlags;
  static override summary = 'what a shell reads to complete commands, flags and the names of machines';
  static override description =
    `Names come from the records on this computer. Let each new shell read it. An alias completes as well:
complete -F _belt docker-machine (bash), compdef docker-machine=belt (zsh), complete -c docker-machine -w belt (fish).`;
  static override args = {
    shell: Args.string({ options: [...shells], description: 'the shell', required: true, ignoreStdin: true }),
  };
  static override examples = [
    { description: 'in ~/.bashrc', command: 'eval "$(<%= config.bin %> completion bash)"' },
    { description: 'in ~/.zshrc, behind compinit', command: 'eval "$(<%= config.bin %> completion zsh)"' },
    { description: 'in ~/.config/fish/config.fish', command: '<%= config.bin %> completion fish | source' },
  ];

  async run(): Promise<void> {
    process.stdout.write(await completionScript(this.args.shell as Shell, this.config.root));
  }
}
