import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export interface StoreProgram {
  start(args: readonly string[], options?: SpawnOptions): RunningProgram;
  remove(): Promise<void>;
}

export interface RunningProgram {
  child: ChildProcess;
  /** The next line of its output, parsed as JSON; undefined at the end. */
  next(): Promise<unknown>;
  /** Resolves when it has exited, whatever its exit code. */
  ended: Promise<void>;
}

/** Builds store-program.ts into a file that every user can read. */
export async function buildStoreProgram(): Promise<StoreProgram> {
  const folder = await mkdtemp(join(tmpdir(), 'belt-program-'));
  await chmod(folder, 0o755);
  const outfile = join(folder, 'program.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('./store-program.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    define: { __filename: 'import.meta.filename' },
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  return {
    start: (args, options = {}) =>
      follow(spawn(process.execPath, [outfile, ...args], { cwd: '/', ...options })),
    remove: () => rm(folder, { recursive: true }),
  };
}

function follow(child: ChildProcess): RunningProgram {
  if (!child.stdout || !child.stderr) throw new Error('the program has no output to read');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  let complaints = '';
  child.stderr.on('data', (chunk) => {
    complaints += String(chunk);
  });
  return {
    child,
    async next() {
      const { value, done } = await lines.next();
      if (complaints) throw new Error(complaints);
      return done ? undefined : (JSON.parse(value) as unknown);
    },
    ended: new Promise((resolve) => child.once('close', () => resolve())),
  };
}
