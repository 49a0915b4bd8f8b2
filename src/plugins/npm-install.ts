import { ExecaError, execa } from 'execa';
import { AbortError, ExternalError, UserError } from '../base/errors.js';
import type { PluginStore } from '../state/plugin-store.js';

interface NpmCall {
  /** Where to install; it holds a package.json. */
  folder: string;
  /** A name with or without a version, a URL, or the absolute path of a tarball or a folder. */
  spec: string;
  owner: PluginStore['owner'];
  signal: AbortSignal;
}

/**
 * Has the npm that came with Node install one package, as a copy and without what only its authors
 * need. Under sudo npm, and with it what packages run when they are installed, has the rights of
 * who called sudo.
 * @throws UserError without npm; ExternalError with npm's reason when it fails; AbortError on
 * `signal`
 */
export async function npmInstall({ folder, spec, owner, signal }: NpmCall): Promise<void> {
  const own = owner && { uid: owner.uid, gid: owner.gid, env: { HOME: owner.home } };
  try {
    await execa('npm', ['install', ...options, '--prefix', folder, '--', spec], {
      cwd: folder,
      stdin: 'ignore',
      cancelSignal: signal,
      ...own,
    });
  } catch (error) {
    if (error instanceof ExecaError) throw explain(spec, error);
    throw error;
  }
}

/**
 * What a person has set for npm elsewhere must not change what an install leaves: belt reads from
 * its package.json what that is.
 */
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

function explain(spec: string, error: ExecaError): Error {
  if (error.isCanceled) return new AbortError();
  if (error.code === 'ENOENT')
    return new UserError('npm is not installed', {
      hint: 'install Node.js, which includes npm: https://nodejs.org',
    });
  return new ExternalError(`npm cannot install ${spec}: ${reasonIn(String(error.stderr))}`, { cause: error });
}

/** npm says `npm error code E404`, then the reason, then more. */
function reasonIn(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.replace(/^npm (error|ERR!) ?/i, '').trim())
    .filter((line) => line !== '');
  return lines.find((line) => !/^(code|errno|syscall|path) /.test(line)) ?? 'it does not say why';
}
