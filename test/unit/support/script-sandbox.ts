import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import type { Context } from '../../../src/app/context.js';
import { templatesIn } from '../../../src/base/templates.js';
import type { Connection, StreamOptions } from '../../../src/ssh/index.js';
import { osReleases } from '../../lab/os-releases.js';

/**
 * A machine in a folder: runs belt's scripts in the local shell, with their paths below the folder
 * and stand-ins for systemd and Docker. `engine/` holds the files that the engine has started with.
 * The scripts can be killed before any of their commands.
 */
export class ScriptSandbox {
  readonly root: string;
  /** Kills the next script before its command of this number. */
  killAt: number | undefined;
  /** Collects, per command of the next script, the state of the machine before it. */
  states: string[] | undefined;

  constructor(like?: ScriptSandbox) {
    this.root = mkdtempSync(join(tmpdir(), 'belt-sandbox-'));
    if (like) {
      cpSync(like.root, this.root, { recursive: true, verbatimSymlinks: true });
      return;
    }
    for (const folder of [
      'bin',
      'etc/docker',
      'run/systemd/system',
      'state',
      'var/lib/docker',
      'usr',
      'proc',
    ])
      mkdirSync(join(this.root, folder), { recursive: true });
    this.write('etc/os-release', osReleases.debian);
    for (const [name, text] of Object.entries(programs)) this.program(name, text);
    this.sh('systemctl restart docker.service docker.socket; systemctl enable docker.service');
  }

  program(name: string, text: string): void {
    writeFileSync(join(this.root, 'bin', name), `#!/bin/sh\n${text}`, { mode: 0o755 });
  }

  write(path: string, text: string): void {
    mkdirSync(join(this.root, path, '..'), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  read(path: string): string | undefined {
    const file = join(this.root, path);
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  }

  list(path: string): string[] {
    return existsSync(join(this.root, path)) ? readdirSync(join(this.root, path)).sort() : [];
  }

  sh(line: string): string {
    return execFileSync('/bin/sh', ['-c', line], { env: this.env(), encoding: 'utf8', stdio: 'pipe' });
  }

  /** Whether the engine runs with the files that are there now. */
  isUpToDate(): boolean {
    const compare = 'diff -r -x "*.belt-new" -x sysctl.d "$ROOT/etc" "$ROOT/engine"';
    return this.sh(`[ -e "$ROOT/state/active" ] && ${compare} && echo same || true`) === 'same\n';
  }

  dispose(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  connection(): Connection {
    const target = { name: 'node1', host: '192.0.2.1', port: 22, user: 'root' };
    const run = async (command: string, { stdin = '' }: { stdin?: string } = {}) => {
      const chunks: Buffer[] = [];
      const code = await this.spawn(
        command.includes('-s root') ? ['-s', 'root'] : ['-c', command],
        stdin,
        (data) => chunks.push(data),
      );
      return { code, stdout: Buffer.concat(chunks).toString(), stderr: '' };
    };
    const stream = async (command: string, { stdin, stdout, stderr }: StreamOptions): Promise<number> => {
      const onData = (sink: Writable) => (data: Buffer) => void sink.write(data);
      const [, quoted] = /^\/bin\/sh -c (.*)$/s.exec(command) ?? [];
      if (quoted === undefined) {
        return this.spawn(['-s'], await text(stdin as Readable), onData(stdout), onData(stderr));
      }
      const script = execFileSync('/bin/sh', ['-c', `printf %s ${quoted}`], { encoding: 'utf8' });
      const input = stdin ? await buffer(stdin as Readable) : '';
      return this.spawn(['-c', script], input, onData(stdout), onData(stderr));
    };
    return { target, run, stream } as unknown as Connection;
  }

  context(): Context {
    const reporter = { warn: (text: string) => this.warnings.push(text), note: () => {} };
    const { signal } = new AbortController();
    return { templates: templatesIn(resolve('templates')), reporter, signal } as unknown as Context;
  }

  readonly warnings: string[] = [];

  private env(): NodeJS.ProcessEnv {
    return { PATH: `${this.root}/bin:/usr/bin:/bin`, ROOT: this.root };
  }

  /** Other paths than these are those of programs. */
  private inRoot(text: string): string {
    return text.replaceAll(
      /(?<![\w}])\/(etc|run|var\/lib|proc\/locks|usr\/lib\/os-release)\b/g,
      `${this.root}/$1`,
    );
  }

  private async spawn(
    [option = '', argument = ''],
    input: string | Buffer,
    onOutput: (data: Buffer) => void,
    onError: (data: Buffer) => void = () => {},
  ): Promise<number> {
    // The survey before a script is not one.
    const isSurvey = argument === 'root';
    const killAt = isSurvey ? undefined : this.killAt;
    const states = isSurvey ? undefined : this.states;
    if (!isSurvey) this.killAt = this.states = undefined;
    const log = join(this.root, '..', `${this.root.split('/').at(-1)}.states`);
    const watch = killAt !== undefined || states ? debugTrap(killAt, log) : '';
    const script = option === '-s' ? ['-s', argument] : ['-c', watch + this.inRoot(argument)];
    const shell = watch === '' ? '/bin/sh' : 'bash';
    const child = spawn(
      shell,
      script.filter((word) => word !== ''),
      { env: this.env() },
    );
    child.stdout.on('data', onOutput);
    child.stderr.on('data', onError);
    child.stdin.on('error', () => {});
    child.stdin.end(option === '-s' ? watch + this.inRoot(String(input)) : input);
    const code = await new Promise<number>((done) => child.on('close', (status) => done(status ?? 137)));
    if (states) {
      states.push(...readFileSync(log, 'utf8').trim().split('\n'));
      rmSync(log);
    }
    return code;
  }
}

/** Runs before each command of the script itself, not before those of its subshells. */
function debugTrap(killAt: number | undefined, log: string): string {
  const work =
    killAt === undefined
      ? `(cd "$ROOT" && find etc engine run state var bin -path 'run/belt.*' -prune -o -type f ! -name '*.belt-new' -print | sort | xargs cksum | cksum) >>${log}`
      : `[ "$belt_step" -ne ${killAt} ] || kill -9 $$`;
  return `set -T; belt_step=0
trap 'if [ "$BASH_SUBSHELL" = 0 ]; then belt_step=$((belt_step + 1)); ${work}; fi' DEBUG
`;
}

const programs: Record<string, string> = {
  systemctl: `
cd "$ROOT/state"
case $* in
*is-enabled*) [ -e enabled ] && echo enabled || { echo disabled; exit 1; } ;;
*is-active*docker.socket) [ -e socket ] ;;
*is-active*) [ -e active ] && echo active || { echo inactive; exit 1; } ;;
enable*) echo >enabled ;;
disable*) rm -f enabled ;;
show*) [ -e active ] && active=active || active=inactive
  printf 'Id=docker.service\\nLoadState=loaded\\nActiveState=%s\\n\\nId=docker.socket\\nLoadState=loaded\\nActiveState=active\\n' $active ;;
cat*) cat unit ;;
stop*) case $* in *docker.service*) rm -f active containers ;; *) rm -f socket ;; esac ;;
restart* | start*)
  case $* in *docker.socket*) echo >socket ;; esac
  case $* in *docker.service*)
    case $1 in start) [ ! -e active ] || exit 0 ;; esac
    [ ! -e broken ] || ! grep -rq --include=daemon.json "$(cat broken)" "$ROOT/etc" || { rm -f active containers; exit 1; }
    rm -rf "$ROOT/engine"; cp -a "$ROOT/etc" "$ROOT/engine"
    rm -f containers; echo >active; echo $(($(cat pid 2>/dev/null || echo 100) + 1)) >pid ;;
  esac ;;
esac`,
  docker: `
cd "$ROOT/state"
shift 2
[ -e active ] || { echo 'Cannot connect to the Docker daemon' >&2; exit 1; }
case $* in
version*) echo 26.1.5 ;;
info*DockerRootDir*) echo "$ROOT/var/lib/docker" ;;
info*) ;;
ps*paused*) ;;
ps*--all*) printf 'web \\ndb \\n' ;;
ps*) cat containers 2>/dev/null ;;
start*) shift; for name in "$@"; do echo "$name " >>containers; echo "$name"; done ;;
esac
exit 0`,
  dockerd: 'case $* in --help) echo --validate ;; --version) echo "Docker version 26.1.5, build x" ;; esac',
  pidof: '[ -e "$ROOT/state/active" ] && cat "$ROOT/state/pid"',
  sysctl: 'echo "$*" >>"$ROOT/state/sysctl"',
  hostnamectl: 'echo "$2" >"$ROOT/state/hostname"',
  sleep: 'exec /bin/sleep 0.02',
  journalctl: 'echo broken',
  // The machine's own programs must not be seen.
  restorecon: '',
  'cloud-init': '',
};
