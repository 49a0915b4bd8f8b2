import type { Context } from '../app/context.js';
import type { Templates } from '../base/templates.js';
import type { Machine } from '../machines/model/machine.js';
import { proxyVariables } from './model/daemon-options.js';
import type { Provisioner } from './model/provisioner.js';
import { debian } from './provisioners/debian.js';
import { redhat } from './provisioners/redhat.js';
import { suse } from './provisioners/suse.js';
import { systemd } from './provisioners/systemd.js';

/**
 * @returns undefined when a machine has its own install script, or proxies, which may contain a
 * password: all machines boot with one text, which providers keep
 */
export async function firstBootInstaller(
  machines: readonly Pick<Machine, 'engine'>[],
  { templates }: Pick<Context, 'templates'>,
): Promise<string | undefined> {
  const isOverSsh = machines.some(
    ({ engine }) => engine && (engine.installUrl !== undefined || proxyVariables(engine).length > 0),
  );
  if (isOverSsh) return undefined;
  const { enable, start } = systemd.commands;
  return templates.render('cloud/engine.sh', { systems: await installersBySystem(templates), enable, start });
}

/** Leaves out SLES, whose packages depend on the version, and systems that clouds rarely offer. */
async function installersBySystem(templates: Templates): Promise<string> {
  const branch = async (pattern: string, { install }: Provisioner, id: string): Promise<string> => {
    const script = install?.({ id, idLike: [], versionId: '', platformId: '', prettyName: '' });
    return `${pattern})\n${script ? await templates.render(script.name, script.values) : 'exit 0'}\n;;`;
  };
  const branches = await Promise.all([
    branch("*'debian '* | *'ubuntu '*", debian, 'debian'),
    branch("'amzn '*", redhat, 'amzn'),
    branch("'fedora '*", redhat, 'fedora'),
    branch("'rhel '*", redhat, 'rhel'),
    branch("*'rhel '* | *'centos '* | 'ol '*", redhat, 'centos'),
    branch("*'suse '*", suse, 'opensuse'),
  ]);
  return ["'sles '*) exit 0 ;;", ...branches].join('\n');
}
