import type { OwnFlags, PassthroughName } from '../command-line.js';
import type { PassthroughRunner } from './passthrough.js';

const runners: Readonly<Record<PassthroughName, () => Promise<PassthroughRunner>>> = {
  docker: async () => (await import('./run-docker.js')).docker,
  compose: async () => (await import('./run-docker.js')).compose,
  stack: async () => (await import('./run-docker.js')).stack,
  ssh: async () => (await import('./run-ssh.js')).ssh,
  exec: async () => (await import('./run-exec.js')).exec,
};

/**
 * Runs without oclif, which takes as long to load as an SSH login (docs/benchmarks.md).
 * @param root folder of the belt package
 */
export async function runPassthrough(
  command: PassthroughName,
  { flags, tail, root }: { flags: OwnFlags; tail: readonly string[]; root: string },
): Promise<number> {
  const [run, { openContext }, { warnOfExpiry }] = await Promise.all([
    runners[command](),
    import('../open-context.js'),
    import('../../certs/expiry-warning.js'),
  ]);
  const opened = await openContext(root, flags);
  try {
    await warnOfExpiry(opened.context);
    return await run({ flags, tail, opened });
  } finally {
    await opened.close();
  }
}
