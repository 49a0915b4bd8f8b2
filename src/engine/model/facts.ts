import { ExternalError } from '../../base/errors.js';
import { type OsRelease, parseOsRelease } from './os-release.js';

export type RootAccess =
  | 'root'
  /** `sudo -n` works. */
  | 'sudo'
  /** sudo requires a password. */
  | 'password'
  /** Neither root nor sudo. */
  | 'none';

interface UnitState {
  /** As in systemd: `loaded`, `not-found`, `masked`. */
  load: string;
  /** `active`, `inactive`, `failed`, `activating`. */
  active: string;
  /** `enabled`, `disabled`, `masked`; empty without a unit. */
  file: string;
  /** systemd has not read changed unit files. */
  needsReload?: boolean;
}

export interface Process {
  uid: number;
  name: string;
  program: string;
}

export interface Facts {
  os: OsRelease;
  access: RootAccess;
  init: 'systemd' | 'openrc' | 'other';
  hostname: string;
  /** Seconds since 1970. */
  clock: number;
  /** Absolute path; undefined when the program is missing. */
  docker?: string;
  dockerd?: string;
  /** Where `docker` leads to; `podman` for a wrapper of it. */
  dockerTarget: string;
  /** Running dockerd processes, except those in containers. */
  engines: readonly Process[];
  /** What listens on /run/docker.sock: a process, or the target of a symbolic link. */
  socketOwner?: Process | string;
  /** Paths of other engines' installations. */
  present: readonly string[];
  /** Set when packages cannot be installed: `ostree`, `transactional-update`, `read-only`. */
  image?: string;
  service: UnitState;
  socket: UnitState;
  /** The files of docker.service in systemd's order, each after a line `# /its/path`. */
  unitText: string;
  /** Content of the files that belt edits, by path. */
  files: ReadonlyMap<string, string>;
  /** SHA-256 in hexadecimal of the files that belt writes, by path. */
  sums: ReadonlyMap<string, string>;
  /** Paths of the files above that changed after the engine started. */
  newer: ReadonlySet<string>;
  /** What an earlier script began and did not finish: `install`, `engine`, `commands`. */
  unfinished: ReadonlySet<string>;
  /** TCP ports that the engine listens on; undefined when it does not run. */
  listening?: ReadonlySet<number>;
  /** Whether /etc is writable. */
  writable: boolean;
  /** KiB available on /. */
  freeKib?: number;
  cloudInit: 'absent' | 'running' | 'done';
  /** The process that is installing packages. */
  packageLockHolder?: string;
}

/**
 * Parses the output of templates/engine/facts.sh, base64 between two lines with a random mark:
 * login output around it is ignored.
 * @throws ExternalError when it is missing or incomplete
 */
export function parseFacts(output: string, mark: string): Facts {
  const [, encoded] = new RegExp(`^${mark} begin\\s*\\n([\\s\\S]*?)^${mark} end`, 'm').exec(output) ?? [];
  if (encoded === undefined) throw new ExternalError('the machine returned an unexpected response');
  const sections = splitSections(Buffer.from(encoded, 'base64').toString('utf8'), mark);
  const text = (name: string): string => sections.get(name)?.trim() ?? '';
  const lines = (name: string): string[] =>
    text(name)
      .split('\n')
      .filter((line) => line !== '');
  const ports = lines('listening').map((port) => Number.parseInt(port, 16));
  const units = parseUnits(text('units'));
  const unit = (name: string): UnitState =>
    units.get(name) ?? { load: 'not-found', active: 'inactive', file: '' };
  const [docker = '', ...targets] = lines('docker');
  const [owner] = lines('socket-owner');
  const image = text('image');
  const dockerd = text('dockerd');
  const freeKib = parseFree(text('free'));
  const holder = text('package-lock');
  return {
    os: parseOsRelease(text('os-release')),
    access: oneOf(text('access'), ['root', 'sudo', 'password', 'none']),
    init: oneOf(text('init'), ['systemd', 'openrc', 'other']),
    hostname: text('hostname'),
    clock: Number(text('clock')),
    ...(docker !== '' && { docker }),
    ...(dockerd !== '' && { dockerd }),
    dockerTarget: targets.at(-1) ?? '',
    engines: lines('engines').map(parseProcess),
    ...(owner !== undefined && { socketOwner: owner.startsWith('/') ? owner : parseProcess(owner) }),
    present: lines('present'),
    ...(image !== '' && { image }),
    service: unit('docker.service'),
    socket: unit('docker.socket'),
    unitText: sections.get('unit-text') ?? '',
    files: new Map(
      [...sections].flatMap(([name, content]): [string, string][] =>
        name.startsWith('file:') ? [[name.slice('file:'.length), content]] : [],
      ),
    ),
    sums: parseSums(text('sums')),
    newer: new Set(lines('newer')),
    unfinished: new Set(lines('unfinished').map((path) => path.slice(path.lastIndexOf('.') + 1))),
    ...(sections.has('listening') && { listening: new Set(ports) }),
    writable: text('writable') === 'yes',
    ...(freeKib !== undefined && { freeKib }),
    cloudInit: oneOf(text('cloud-init'), ['absent', 'running', 'done']),
    ...(holder !== '' && { packageLockHolder: holder }),
  };
}

/** `UID NAME PROGRAM` */
function parseProcess(line: string): Process {
  const [uid = '', name = '', ...program] = line.split(' ');
  return { uid: Number(uid), name, program: program.join(' ') };
}

/** A section starts with the line `MARK NAME`. */
function splitSections(text: string, mark: string): Map<string, string> {
  const [, ...parts] = text.split(`\n${mark} `);
  return new Map(
    parts.map((part) => {
      const end = part.indexOf('\n');
      return end === -1 ? [part, ''] : [part.slice(0, end), part.slice(end + 1)];
    }),
  );
}

/** Blocks of `Key=value`, as in `systemctl show` for several units. */
function parseUnits(text: string): Map<string, UnitState> {
  return new Map(
    text.split(/\n\s*\n/).map((block) => {
      const values = new Map(block.split('\n').map((line) => cut(line, '=')));
      const state = {
        load: values.get('LoadState') ?? 'not-found',
        active: values.get('ActiveState') ?? 'inactive',
        file: values.get('UnitFileState') ?? '',
        ...(values.get('NeedDaemonReload') === 'yes' && { needsReload: true }),
      };
      return [values.get('Id') ?? '', state];
    }),
  );
}

function parseSums(text: string): Map<string, string> {
  return new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const [, sum, path] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
      return sum !== undefined && path !== undefined ? [[path, sum]] : [];
    }),
  );
}

/** The last line of `df -P -k`: file system, size, used, available. */
function parseFree(text: string): number | undefined {
  const available = Number(text.split('\n').at(-1)?.split(/\s+/)[3]);
  return Number.isNaN(available) ? undefined : available;
}

function cut(line: string, separator: string): [string, string] {
  const at = line.indexOf(separator);
  return at === -1 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
}

function oneOf<const T extends string>(word: string, words: readonly T[]): T {
  const found = words.find((candidate) => candidate === word);
  if (found !== undefined) return found;
  throw new ExternalError(`the machine returned "${word}" instead of one of ${words.join(', ')}`);
}
