import { Command, Errors, type Interfaces } from '@oclif/core';
import { UsageError } from '../errors.js';
import type { Context } from '../operations/context.js';
import type { Outcome } from '../operations/fan-out.js';
import { describeError, printError } from './errors.js';
import { exitCodeFor, exitCodes } from './exit-codes.js';
import { globalFlags } from './flags.js';
import { type OpenContext, openContext } from './open-context.js';

type FlagsOf<T extends typeof Command> = Interfaces.InferredFlags<
  (typeof BaseCommand)['baseFlags'] & T['flags']
>;
type ArgsOf<T extends typeof Command> = Interfaces.InferredArgs<T['args']>;

/**
 * What all commands share. A command parses, calls one operation, and returns its result: with `--json` that is printed as one
 * document, otherwise the command prints a view of it.
 */
export abstract class BaseCommand<T extends typeof Command> extends Command {
  static override enableJsonFlag = true;
  static override baseFlags = globalFlags;

  protected flags!: FlagsOf<T>;
  protected args!: ArgsOf<T>;
  /** All words that are no flags, in their order. */
  protected words: string[] = [];
  private opened: OpenContext | undefined;

  override async init(): Promise<void> {
    await super.init();
    const { flags, args, argv } = await this.parse({
      flags: this.ctor.flags,
      baseFlags: (super.ctor as typeof BaseCommand).baseFlags,
      enableJsonFlag: this.ctor.enableJsonFlag,
      args: this.ctor.args,
      strict: this.ctor.strict,
    });
    this.flags = flags as FlagsOf<T>;
    this.args = args as ArgsOf<T>;
    this.words = argv as string[];
  }

  /** The cluster in use, its drivers, SSH and the reporter; made at the first call. */
  protected async context(): Promise<Context> {
    return (await this.open()).context;
  }

  /** The driver that makes machines: the named one, or the one that is set. */
  protected async driverName(named: string | undefined): Promise<string> {
    return (await this.open()).defaultDriver(named);
  }

  /** Prints the human view of a result; with `--json` the result itself is printed instead. */
  protected print(view: string): void {
    if (view !== '') this.log(view);
  }

  /** Whether views on stdout may have colours. */
  protected get color(): boolean {
    return process.stdout.isTTY && process.stdout.hasColors();
  }

  /** Exit code 1 when the work on any machine did not succeed. */
  protected settle(outcomes: readonly Outcome<unknown>[]): void {
    if (outcomes.some(({ status }) => status !== 'ok')) process.exitCode = exitCodes.failed;
  }

  private async open(): Promise<OpenContext> {
    this.opened ??= await openContext(this.config.root, this.flags);
    return this.opened;
  }

  override async catch(error: Error): Promise<void> {
    const failure = await asOwnError(error);
    process.exitCode = exitCodeFor(failure);
    if (this.jsonEnabled()) this.logJson(describeError(failure));
    else printError(failure, { debug: this.flags?.debug ?? this.argv.includes('--debug') });
  }

  override async finally(): Promise<void> {
    await this.opened?.close();
  }
}

/** The framework's own complaints about the command line, as belt's. */
async function asOwnError(error: Error): Promise<Error> {
  if (!(error instanceof Errors.CLIError)) return error;
  const [first = '', ...rest] = error.message
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('See more help'));
  const text = `${first.charAt(0).toLowerCase()}${first.slice(1)}`.replace(
    /[.:]$/,
    rest.length > 0 ? ':' : '',
  );
  return new UsageError([text, ...rest].join('\n'), { hint: 'see --help' });
}
