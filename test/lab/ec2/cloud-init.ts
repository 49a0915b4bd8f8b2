import { parse } from 'yaml';

/** What a provider passes to a machine for its first boot. */
export interface FirstBoot {
  /** Decoded. */
  userData: string;
  /** The image's own user: `admin`, `ubuntu` or `root`. */
  defaultUser: string;
  /** Keys of the key pair at the provider. */
  authorizedKeys: readonly string[];
}

interface CloudConfig {
  preserve_hostname?: boolean;
  hostname?: string;
  manage_etc_hosts?: 'localhost';
  user?: { name: string };
  ssh_deletekeys?: boolean;
  ssh_genkeytypes?: string[];
  ssh_authorized_keys?: string[];
  ssh_keys?: { ed25519_private: string; ed25519_public: string };
  bootcmd?: string[];
}

const known = [
  ...['preserve_hostname', 'hostname', 'manage_etc_hosts', 'user', 'ssh_deletekeys', 'ssh_genkeytypes'],
  ...['ssh_authorized_keys', 'ssh_keys', 'bootcmd'],
];

/**
 * A replacement for cloud-init. It supports only the keys of cloud-config that belt's templates
 * use, and applies them at each boot as cloud-init's modules bootcmd, set_hostname,
 * update_etc_hosts, ssh and users_groups do, in that order.
 * @see https://cloudinit.readthedocs.io/en/latest/reference/modules.html
 */
export function firstBootScript({ userData, defaultUser, authorizedKeys }: FirstBoot): string {
  const config = readConfig(userData);
  const keys = [...(config.ssh_authorized_keys ?? []), ...authorizedKeys];
  return [
    '#!/bin/sh',
    ...(config.bootcmd ?? []),
    ...hostnameCommands(config),
    config.ssh_deletekeys === false ? '' : 'rm -f /etc/ssh/ssh_host_*key*',
    ...hostKeyCommands(config),
    ...userCommands(config.user?.name ?? defaultUser),
    ...keys.map((key) => `echo '${key.replaceAll("'", '')}' >> "$home/.ssh/authorized_keys"`),
    'chown -R "$user:" "$home/.ssh"',
    'exit 0',
    '',
  ].join('\n');
}

function readConfig(userData: string): CloudConfig {
  if (!userData.startsWith('#cloud-config\n')) throw new Error('this user data is not a cloud-config');
  const config = parse(userData) as CloudConfig;
  const unknown = Object.keys(config).filter((key) => !known.includes(key));
  if (unknown.length > 0) throw new Error(`the stand-in for cloud-init does not know ${unknown.join(', ')}`);
  if (config.preserve_hostname !== true && !config.hostname)
    throw new Error('cloud-init would reset the host name');
  return config;
}

function hostnameCommands({ hostname, manage_etc_hosts: hosts }: CloudConfig): string[] {
  if (hostname === undefined) return [];
  const inHosts = `grep -q '^127.0.1.1 ${hostname}$' /etc/hosts || echo '127.0.1.1 ${hostname}' >> /etc/hosts`;
  return [
    `echo '${hostname}' > /etc/hostname`,
    `hostname '${hostname}'`,
    ...(hosts === 'localhost' ? [inHosts] : []),
  ];
}

/** Configured host keys replace all others. */
function hostKeyCommands({ ssh_keys: given, ssh_genkeytypes: types }: CloudConfig): string[] {
  if (!given) return (types ?? ['rsa', 'ecdsa', 'ed25519']).map(generate);
  const file = '/etc/ssh/ssh_host_ed25519_key';
  return [
    `(umask 077; cat > ${file} <<'END'\n${given.ed25519_private.trimEnd()}\nEND\n)`,
    `echo '${given.ed25519_public}' > ${file}.pub`,
  ];
}

function generate(type: string): string {
  const file = `/etc/ssh/ssh_host_${type}_key`;
  return `[ -e ${file} ] || ssh-keygen -q -t ${type} -N '' -f ${file}`;
}

/** The user may use sudo without a password, as in Debian's and Ubuntu's images. */
function userCommands(user: string): string[] {
  return [
    `user=${user}`,
    'id "$user" >/dev/null 2>&1 || useradd -m -s /bin/bash "$user"',
    `echo "$user ALL=(ALL) NOPASSWD:ALL" > /etc/sudoers.d/90-cloud-init-users`,
    'home=$(getent passwd "$user" | cut -d: -f6)',
    'install -d -m 700 -o "$user" "$home/.ssh"',
    ': > "$home/.ssh/authorized_keys"',
  ];
}
