import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { AbortError, ExternalError } from '../../base/errors.js';
import type { PrepareProgress } from '../driver.js';
import { lastLines, programEnvironment } from './host-program.js';
import type { ImageRecipe } from './recipes.js';

export type BuildStep = (
  target: string,
  recipe: ImageRecipe,
  progress: PrepareProgress,
  signal: AbortSignal,
) => Promise<void>;

/** In own namespaces and with PR_SET_PDEATHSIG, a build leaves neither processes nor mounts. */
const sandbox = [
  ...['setpriv', '--pdeathsig=KILL'],
  ...['unshare', '--pid', '--fork', '--kill-child=KILL'],
  ...['--mount', '--propagation=private', '--mount-proc'],
];

export function debootstrapFrom(mirror: string): BuildStep {
  return async (target, recipe, progress, signal) => {
    await debootstrap(target, recipe, mirror, progress, signal);
    progress('tuning the image', tuningFraction);
    for (const [path, text] of Object.entries(recipe.files)) {
      await mkdir(dirname(join(target, path)), { recursive: true });
      await writeFile(join(target, path), text, { mode: 0o644 });
    }
    await runSandboxed(['chroot', target, 'sh', '-c', recipe.tuning], 'tuning the image', signal);
  };
}

/** debootstrap's steps, with measured shares of the time. `SIZEDEBS`: dependencies are resolved. */
const steps: readonly { id: string; text: string; share: number }[] = [
  { id: 'DOWNREL', text: 'downloading the release file', share: 1 },
  { id: 'DOWNRELSIG', text: 'checking the signature', share: 1 },
  { id: 'DOWNPKGS', text: 'downloading the package lists', share: 2 },
  { id: 'SIZEDEBS', text: 'resolving dependencies', share: 18 },
  { id: 'DOWNDEBS', text: 'downloading packages', share: 24 },
  { id: 'EXTRACTPKGS', text: 'extracting packages', share: 7 },
  { id: 'INSTCORE', text: 'installing core packages', share: 3 },
  { id: 'UNPACKREQ', text: 'unpacking required packages', share: 8 },
  { id: 'CONFREQ', text: 'configuring required packages', share: 18 },
  { id: 'UNPACKBASE', text: 'unpacking packages', share: 10 },
  { id: 'CONFBASE', text: 'configuring packages', share: 6 },
];

const tuningFraction = 0.98;

/** Reads `P: NOW END [NAME]`; a line without a name belongs to the previous step. */
export function progressReader(): (line: string) => { text: string; fraction: number } | undefined {
  let current = 0;
  let highest = 0;
  return (line) => {
    const [, now, end, id] = /^P: (\d+) (\d+)(?: (\S+))?$/.exec(line) ?? [];
    if (now === undefined || end === undefined) return undefined;
    const index = id === undefined ? current : steps.findIndex((step) => step.id === id);
    if (index < current) return undefined;
    current = index;
    const within = Number(end) > 0 ? Math.min(1, Number(now) / Number(end)) : 0;
    // Nothing is reported while dependencies are resolved: show that step already.
    const shown = within === 1 && id === 'DOWNPKGS' ? index + 1 : index;
    highest = Math.max(highest, fractionOf(index, within));
    return { text: steps[shown]?.text ?? '', fraction: highest };
  };
}

async function debootstrap(
  target: string,
  { suite, packages }: ImageRecipe,
  mirror: string,
  progress: PrepareProgress,
  signal: AbortSignal,
): Promise<void> {
  const command = [
    'debootstrap',
    '--debian-installer',
    '--variant=minbase',
    `--include=${packages.join(',')}`,
    suite,
    target,
    mirror,
  ];
  progress('starting debootstrap', 0);
  const read = progressReader();
  await runSandboxed(command, `debootstrap of ${suite} from ${mirror}`, signal, (line) => {
    const seen = read(line);
    if (seen) progress(seen.text, seen.fraction);
  });
}

/** @param onLine receives file descriptor 3, where debootstrap reports its progress */
async function runSandboxed(
  command: readonly string[],
  what: string,
  signal: AbortSignal,
  onLine: (line: string) => void = () => {},
): Promise<void> {
  if (signal.aborted) throw new AbortError();
  const [program = '', ...args] = [...sandbox, ...command];
  const output: string[] = [];
  const child = execa(program, args, {
    env: { ...programEnvironment, DEBIAN_FRONTEND: 'noninteractive', DPKG_FORCE: 'unsafe-io' },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    buffer: false,
    all: true,
    reject: false,
    detached: true,
    cleanup: true,
    killSignal: 'SIGKILL',
    cancelSignal: signal,
  });
  const keepLine = (line: string) => {
    if (output.push(line) > 40) output.shift();
  };
  const reports = child.stdio[3];
  if (reports) {
    createInterface({ input: reports }).on('line', (line) => {
      onLine(line);
      const error = /^(?:E|EF|EA): (.*)$/.exec(line)?.[1];
      if (error) keepLine(error);
    });
  }
  createInterface({ input: child.all }).on('line', keepLine);
  const { exitCode, isCanceled } = await child;
  if (isCanceled || signal.aborted) throw new AbortError();
  if (exitCode === 0) return;
  throw new ExternalError(
    `${what} failed: ${lastLines(output.join('\n'), 6) || `exit code ${exitCode ?? '?'}`}`,
    { hint: 'belt doctor' },
  );
}

function fractionOf(index: number, within: number): number {
  const total = steps.reduce((sum, { share }) => sum + share, 0);
  const before = steps.slice(0, index).reduce((sum, { share }) => sum + share, 0);
  const share = steps[index]?.share ?? 0;
  return ((before + share * within) / total) * tuningFraction;
}
