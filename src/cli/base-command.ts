import { resolve } from 'node:path';
import { Command, type Interfaces, ux } from '@oclif/core';
import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { AbortError, isAbort, UserError } from '../base/errors.js';
import { withSelectedCluster } from '../base/selected-cluster.js';
import { setTypedCommand } from '../base/typed-command.js';
import { warnOfExpiry } from '../certs/expiry-warning.js';
import { namedOrDefault } from '../machines/default-machine.js';
import { exclusions } from '../machines/model/select-names.js';
import { type Environment, hasColors } from '../state/environment.js';
import { safeText, safeView } from '../ui/safe-text.js';
import { exitCodeFor, exitCodes } from './exit-codes.js';
import { reportFlags } from './flags.js';
import { type FlagShape, normalizeFlags } from './go-flags.js';
import { type OpenContext, openContext } from './open-context.js';
import { documentFormatIn, type Output, openOutput } from './output.js';
import { printError } from './print-error.js';
import { redactedCommandLine } from './redacted-command-line.js';
import { asUsageError } from './usage-errors.js';

type FlagsOf<T extends typeof Command> = Interfaces.InferredFlags<typeof reportFlags & T['flags']>;
type ArgsOf<T extends typeof Command> = Interfaces.InferredArgs<T['args']>;

/** What an empty list means. */
interface EmptyList {
  text: string;
  /** A purpose and its command, as in `suggest`. */
  next?: readonly [purpose: string, command: string];
}

/**
 * A command parses its line, calls one operation, and returns its result. It prints a view of the
 * result, unless `--output` prints the result itself.
 */
export abstract class BaseCommand<T extends typeof Command> extends Command {
  /** Commands that report nothing only have the global flags. */
  static override baseFlags: Interfaces.FlagInput = reportFlags;
  /** Whether belt warns about certificates that expire soon. */
  static warnsOfExpiry = true;

  /** Whether its result contains a secret that the user asked for. */
  static printsSecrets = false;

  /** Whether --cluster may name a cluster that does not exist. */
  static namesNewCluster = false;

  /** Whether -q is its own affair; otherwise it is like `-o name`. */
  static handlesQuiet = false;

  /** Whether the same command resumes an interrupted one. */
  static resumes = false;

  protected flags!: FlagsOf<T>;
  protected args!: ArgsOf<T>;
  /** All positional arguments in order. */
  protected words: string[] = [];
  /** As typed, with global flags from before the command at the end. */
  protected readonly typed: readonly string[] = [...this.argv];
  protected output: Output = { format: 'table' };
  private opened: OpenContext | undefined;
  private flagNames: readonly string[] = [];

  override async init(): Promise<void> {
    await super.init();
    const ownFlags = { ...this.ctor.flags, ...(await this.moreFlags()) };
    const { baseFlags } = super.ctor as typeof BaseCommand;
    this.flagNames = shownFlags({ ...baseFlags, ...ownFlags });
    const { words, off } = normalizeFlags(
      this.typed,
      shapesOf({ ...baseFlags, ...ownFlags }),
      Object.values(this.ctor.args).map(({ options }) => options),
    );
    const { flags, args, argv } = await this.parse(
      { flags: ownFlags, baseFlags, args: this.ctor.args, strict: this.ctor.strict },
      words,
    );
    const given: Record<string, unknown> = {
      ...flags,
      ...Object.fromEntries(off.map((name) => [name, false])),
    };
    // docker's spelling of `-o json`; otherwise --format takes templates.
    if (given['format'] === 'json') Object.assign(given, { format: undefined, json: true });
    this.flags = given as FlagsOf<T>;
    this.args = args as ArgsOf<T>;
    this.words = [...(argv as string[]), ...exclusions((given['except'] ?? []) as string[])];
    setTypedCommand(this.sameCommand);
    this.output = await openOutput(this.outputChoice(given), { secrets: this.printsSecrets });
  }

  private outputChoice(flags: Record<string, unknown>): FlagsOf<T> {
    const { handlesQuiet } = this.ctor as typeof BaseCommand;
    const isNamed = flags['quiet'] && !handlesQuiet && !flags['json'];
    return (isNamed ? { ...flags, output: flags['output'] ?? 'name' } : flags) as FlagsOf<T>;
  }

  /** Such as `belt swarm join`. */
  protected get commandName(): string {
    return `belt ${(this.id ?? '').replaceAll(':', ' ')}`;
  }

  /** Quoted, without secrets. */
  protected get sameCommand(): string {
    return redactedCommandLine([...this.commandName.split(' '), ...this.typed]);
  }

  /** Flags that depend on the command line. */
  protected async moreFlags(): Promise<Interfaces.FlagInput> {
    return {};
  }

  protected async context(): Promise<Context> {
    return (await this.open()).context;
  }

  protected async environment(): Promise<Environment> {
    return (await this.open()).environment;
  }

  /** An empty environment variable counts as unset. */
  protected async variable(name: string): Promise<string | undefined> {
    return (await this.environment()).variables[name] || undefined;
  }

  protected async resolvePath(path: string): Promise<string> {
    return resolve((await this.environment()).cwd, path);
  }

  /** The machines named; without names and --all `default`, as in docker-machine. */
  protected async namedOrDefault(all: boolean): Promise<readonly string[]> {
    return all ? this.words : namedOrDefault(this.words, (await this.context()).cluster);
  }

  /** For the view of a result; oclif mutes it when `--output` prints the result itself. */
  protected print(view: string): void {
    if (view !== '') this.log(safeView(withSelectedCluster(view), { secrets: this.printsSecrets }));
  }

  /** What comes next, for a person at a terminal. */
  protected suggest(purpose: string, command: string): void {
    if (process.stderr.isTTY) this.explain(withSelectedCluster(`To ${purpose}, run: ${command}`));
  }

  /** On stderr, before a question. */
  protected explain(text: string): void {
    process.stderr.write(`${safeText(text)}\n`);
  }

  private get printsSecrets(): boolean {
    return (this.ctor as typeof BaseCommand).printsSecrets;
  }

  protected get wide(): boolean {
    return this.output.format === 'wide';
  }

  /** Columns of the terminal; undefined: unlimited. */
  protected get width(): number | undefined {
    return process.stdout.isTTY ? process.stdout.columns : undefined;
  }

  /** For views on stdout. */
  protected get color(): boolean {
    return hasColors(process.stdout);
  }

  /** An empty list at a terminal says so, and what to type; scripts get the headers. */
  protected printRows(rows: readonly unknown[], view: string, empty: EmptyList): void {
    const explained = rows.length === 0 && process.stderr.isTTY && !this.jsonEnabled();
    if (!(explained && process.stdout.isTTY)) this.print(view);
    if (!explained) return;
    this.explain(empty.text);
    if (empty.next) this.suggest(...empty.next);
  }

  protected get tableStyle(): { wide: boolean; width: number | undefined; color: boolean } {
    const { wide, width, color } = this;
    return { wide, width, color };
  }

  /** Asks before dangerous work. @throws UserError unless the answer is yes */
  protected async confirm(question: string, work: 'changed' | 'removed', hint?: string): Promise<void> {
    const { stdin: input, stderr: output } = process;
    const { signal } = await this.context();
    const { confirm } = await import('../ui/prompt.js');
    if (await confirm(`${question} (y/N) `, { input, output, signal })) return;
    const confirmed = redactedCommandLine([...this.commandName.split(' '), '--yes', ...this.typed]);
    const advice = input.isTTY ? hint : confirmed;
    throw new UserError(`aborted; nothing was ${work}`, {
      errorCode: 'aborted',
      ...(advice !== undefined && { hint: advice }),
    });
  }

  /** Sets exit code 1 unless the work succeeded on every machine. */
  protected failUnlessOk(outcomes: readonly Outcome<unknown>[]): void {
    if (outcomes.some(({ status }) => status !== 'ok')) this.fail();
  }

  protected fail(): void {
    process.exitCode = exitCodes.failed;
  }

  private async open(): Promise<OpenContext> {
    this.opened ??= await this.openOnce();
    return this.opened;
  }

  private async openOnce(): Promise<OpenContext> {
    const { namesNewCluster, warnsOfExpiry } = this.ctor as typeof BaseCommand;
    // `belt logs --timestamps` is about the lines of the service.
    const isOwn = Object.hasOwn(this.ctor.flags ?? {}, 'timestamps');
    const flags = isOwn ? { ...this.flags, timestamps: false } : this.flags;
    const opened = await openContext(this.config.root, flags, { mayBeNew: namesNewCluster });
    if (warnsOfExpiry) await warnOfExpiry(opened.context);
    return opened;
  }

  /** oclif calls this to decide whether it prints the result itself. */
  override jsonEnabled(): boolean {
    return this.output.render !== undefined;
  }

  override logJson(result: unknown): void {
    const text = this.output.render?.(result) ?? '';
    if (text !== '') ux.stdout(text);
  }

  override async catch(error: Error): Promise<void> {
    const { resumes } = this.ctor as typeof BaseCommand;
    const failure =
      resumes && isAbort(error)
        ? new AbortError('interrupted', { hint: 'run the same command again to resume', cause: error })
        : asUsageError(error, this.commandName, this.flagNames);
    process.exitCode = exitCodeFor(failure);
    await printError(failure, {
      debug: this.flags?.debug ?? this.argv.includes('--debug'),
      format: documentFormatIn(this.typed),
    });
  }

  override async finally(): Promise<void> {
    await this.opened?.close();
  }
}

function shapesOf(flags: Interfaces.FlagInput): FlagShape[] {
  return Object.entries(flags).map(([name, flag]) => ({
    name,
    char: flag.char,
    isSwitch: flag.type === 'boolean',
    values: flag.type === 'option' ? flag.options : undefined,
  }));
}

function shownFlags(flags: Interfaces.FlagInput): string[] {
  return Object.keys(flags).filter((name) => !flags[name]?.hidden);
}
