import { ExecaError, execa } from 'execa';
import { AbortError, ExternalError, UserError } from '../base/errors.js';
import type { PluginStore } from '../state/plugin-store.js';

interface NpmCall {
  /** Contains a package.json. */
  folder: string;
  /** A name with or without a version, a URL, or the absolute path of a tarball or a folder. */
  spec: string;
  owner: PluginStore['owner'];
  signal: AbortSignal;
}

/** Under sudo, runs with the rights of the caller. @throws UserError, ExternalError, AbortError */
export async function npmInstall({ folder, spec, owner, signal }: NpmCall): Promise<void> {
  const processOwner = owner && { uid: owner.uid, gid: owner.gid, env: { HOME: owner.home } };
  try {
    await execa('npm', ['install', ...options, '--prefix', folder, '--', spec], {
      cwd: folder,
      stdin: 'ignore',
      cancelSignal: signal,
      ...processOwner,
    });
  } catch (error) {
    if (error instanceof ExecaError) throw npmError(spec, error);
    throw error;
  }
}

/** Overrides the user's npm configuration: belt reads the result from the folder's package.json. */
const options = [
  '--global=false',
  '--save',
  '--save-prod',
  '--install-links',
  '--omit=dev',
  '--no-package-lock',
  '--no-audit',
  '--no-fund',
  '--no-update-notifier',
  '--loglevel=error',
];

function npmError(spec: string, error: ExecaError): Error {
  if (error.isCanceled) return new AbortError();
  if (error.code === 'ENOENT')
    return new UserError('npm is not installed', {
      hint: 'install Node.js, which includes npm: https://nodejs.org',
    });
  return new ExternalError(`npm cannot install ${spec}: ${reasonIn(String(error.stderr))}`, { cause: error });
}

/** npm prints `npm error code E404`, then the reason, then more. */
function reasonIn(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.replace(/^npm (error|ERR!) ?/i, '').trim())
    .filter((line) => line !== '');
  return lines.find((line) => !/^(code|errno|syscall|path) /.test(line)) ?? 'it does not say why';
}
