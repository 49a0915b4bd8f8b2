import { createHash } from 'node:crypto';
import { osReleases } from '../../lab/os-releases.js';
import { debianUnit } from './facts.js';

/**
 * A Debian with Docker from its packages, as provisioning sees it: responds to
 * templates/engine/facts.sh and keeps the files that templates/engine/apply.sh writes, so that a
 * second run finds the results of the first. The scripts themselves are tested elsewhere.
 */
export class System {
  readonly files = new Map<string, string>();
  applied = 0;

  constructor(private readonly hostname: string) {}

  /** The output of the facts script. */
  facts(script: unknown): string {
    const mark = markIn(script);
    const output = Object.entries(this.sections())
      .map(([name, content]) => `\n${mark} ${name}\n${content}`)
      .join('');
    return `Welcome!\n${mark} begin\n${Buffer.from(output).toString('base64')}\n${mark} end\n`;
  }

  /** The output of the apply script on success. */
  apply(script: string): string {
    const mark = markIn(script);
    this.applied++;
    for (const [, path = '', content = ''] of script.matchAll(
      /^stage '?([^\s']+)'? '?\d+'? '?([\w+/=]*)'?(?: shared)?$/gm,
    )) {
      this.files.set(path, Buffer.from(content, 'base64').toString('utf8'));
    }
    const line = (kind: string, text: string): string =>
      `${mark} ${kind} ${Buffer.from(text).toString('base64')}\n`;
    return line('step', 'restarting the engine') + line('version', '28.1.0') + line('done', '');
  }

  private sections(): Record<string, string> {
    const unit = (name: string): string =>
      `Id=${name}\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n`;
    const sums = [...this.files].map(
      ([path, content]) => `${createHash('sha256').update(content).digest('hex')}  ${path}\n`,
    );
    return {
      access: 'root',
      clock: String(Math.round(Date.now() / 1000)),
      'os-release': osReleases.debian,
      init: 'systemd',
      hostname: this.hostname,
      docker: '/usr/bin/docker',
      dockerd: '/usr/sbin/dockerd',
      units: `${unit('docker.service')}\n${unit('docker.socket')}`,
      'unit-text': debianUnit,
      ...Object.fromEntries([...this.files].map(([path, content]) => [`file:${path}`, content])),
      sums: sums.join(''),
      writable: 'yes',
      free: 'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 20000000 1 10000000 1% /',
      'cloud-init': 'absent',
    };
  }
}

function markIn(script: unknown): string {
  const [mark] = /belt-[0-9a-f]{24}/.exec(String(script)) ?? [];
  if (mark === undefined) throw new Error('the script has no mark');
  return mark;
}
