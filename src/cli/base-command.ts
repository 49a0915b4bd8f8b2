import { join, resolve } from 'node:path';
import { Command, Errors, type Interfaces } from '@oclif/core';
import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { UsageError, UserError } from '../base/errors.js';
import { warnOfExpiry } from '../certs/expiry-warning.js';
import { takeGivenCertificates } from '../certs/own-certificates.js';
import { namedOrDefault } from '../machines/default-machine.js';
import { findProgram } from '../state/find-program.js';
import { askOrReadSecret } from '../ui/prompt.js';
import { exitCodeFor, exitCodes } from './exit-codes.js';
import { globalFlags } from './flags.js';
import { type FlagShape, plainFlags } from './go-flags.js';
import { type OpenContext, openContext } from './open-context.js';
import { describeError, printError } from './print-error.js';

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
  /** Whether the person is told of certificates that end soon; not where certificates are what it is about. */
  static warnsOfExpiry = true;

  protected flags!: FlagsOf<T>;
  protected args!: ArgsOf<T>;
  /** All words that are no flags, in their order. */
  protected words: string[] = [];
  /** The command line as the person typed it, behind the command; global flags before that are at its end. */
  protected readonly typed: readonly string[] = [...this.argv];
  private opened: OpenContext | undefined;

  override async init(): Promise<void> {
    await super.init();
    const ownFlags = { ...this.ctor.flags, ...(await this.moreFlags()) };
    const { baseFlags } = super.ctor as typeof BaseCommand;
    const { words, off } = plainFlags(this.typed, [...shapesOf({ ...baseFlags, ...ownFlags }), jsonShape]);
    const { flags, args, argv } = await this.parse(
      {
        flags: ownFlags,
        baseFlags,
        enableJsonFlag: this.ctor.enableJsonFlag,
        args: this.ctor.args,
        strict: this.ctor.strict,
      },
      words,
    );
    this.flags = { ...flags, ...Object.fromEntries(off.map((name) => [name, false])) } as FlagsOf<T>;
    this.args = args as ArgsOf<T>;
    this.words = argv as string[];
  }

  /** Flags that are not known before the command line is. */
  protected async moreFlags(): Promise<Interfaces.FlagInput> {
    return {};
  }

  /** The cluster in use, its drivers, SSH and the reporter; made at the first call. */
  protected async context(): Promise<Context> {
    return (await this.open()).context;
  }

  /** The driver that makes machines: the named one, or the one that is set. */
  protected async driverName(named: string | undefined): Promise<string> {
    return (await this.context()).settings.driver(named);
  }

  /** An environment variable; an empty one is none. */
  protected async variable(name: string): Promise<string | undefined> {
    return (await this.open()).environment.variables[name] || undefined;
  }

  /** The certificates that the command line or the environment names for a cluster that has none yet. */
  protected async takeGivenCertificates(context: Context): Promise<void> {
    const { cwd, variables } = (await this.open()).environment;
    const path = (flag: keyof FlagsOf<T>, variable: string): string | undefined => {
      const value = (this.flags[flag] as string | undefined) || variables[variable];
      return value ? resolve(cwd, value) : undefined;
    };
    await takeGivenCertificates(
      {
        authorityCertificate: path('tls-ca-cert', 'MACHINE_TLS_CA_CERT'),
        authorityKey: path('tls-ca-key', 'MACHINE_TLS_CA_KEY'),
        clientCertificate: path('tls-client-cert', 'MACHINE_TLS_CLIENT_CERT'),
        clientKey: path('tls-client-key', 'MACHINE_TLS_CLIENT_KEY'),
      },
      context,
    );
  }

  /** docker-machine's store: the folder named, else the environment's, else where docker-machine keeps it. Absolute. */
  protected async storePath(named: string | undefined): Promise<string> {
    const { cwd, home, variables } = (await this.open()).environment;
    return resolve(cwd, named ?? (variables['MACHINE_STORAGE_PATH'] || join(home, '.docker', 'machine')));
  }

  /** A path of the command line, absolute. */
  protected async resolvePath(path: string): Promise<string> {
    return resolve((await this.open()).environment.cwd, path);
  }

  /** The key that opens managers of a swarm that locks them: typed unseen, or piped in. It is never a word of the command line. */
  protected async askUnlockKey(): Promise<string> {
    const { context } = await this.open();
    return askOrReadSecret('Unlock key of the swarm (it is not shown):', {
      input: process.stdin,
      output: process.stderr,
      signal: context.signal,
    });
  }

  /** The first of these programs that this computer has. @throws UserError with `message` when it has none */
  protected async requireProgram(names: readonly string[], message: string): Promise<string> {
    const { environment } = await this.open();
    for (const name of names) if (await findProgram(name, environment)) return name;
    throw new UserError(message);
  }

  /** belt's exit code is that of a program which it ran. */
  protected endAs(code: number): void {
    process.exitCode = code;
  }

  /** The machines named; without names (and without --all) the one called `default`, as in docker-machine. */
  protected async namedOrDefault(all: boolean): Promise<readonly string[]> {
    return all ? this.words : namedOrDefault(this.words, (await this.context()).cluster);
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
    const opened = await openContext(this.config.root, this.flags);
    if ((this.ctor as typeof BaseCommand).warnsOfExpiry) await warnOfExpiry(opened.context);
    return opened;
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

const jsonShape: FlagShape = { name: 'json', isSwitch: true };

function shapesOf(flags: Interfaces.FlagInput): FlagShape[] {
  return Object.entries(flags).map(([name, { char, type }]) => ({
    name,
    char,
    isSwitch: type === 'boolean',
  }));
}

/** The framework's own complaints about the command line, as belt's. */
async function asOwnError(error: Error): Promise<Error> {
  if (!(error instanceof Errors.CLIError)) return error;
  if (isMissing(error)) {
    const names = error.args.map(({ name, description }) => `${name.toUpperCase()} (${description})`);
    return new UsageError(`missing: ${names.join(', ')}`, { hint: 'see --help' });
  }
  const [first = '', ...rest] = error.message
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('See more help'));
  const text = `${first.charAt(0).toLowerCase()}${first.slice(1)}`.replace(
    /[.:]$/,
    rest.length > 0 ? ':' : '',
  );
  return new UsageError([text, ...rest].join('\n'), { hint: 'see --help' });
}

/** The framework's class for it is not exported. */
function isMissing(error: Error): error is Error & { args: { name: string; description: string }[] } {
  return error.constructor.name === 'RequiredArgsError';
}
