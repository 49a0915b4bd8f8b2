import { isIPv6 } from 'node:net';
import { groupBy } from '../../base/group-by.js';
import { quoteArgs } from '../../base/quote-args.js';

/** A machine as other tools see it. */
export interface InventoryHost {
  name: string;
  cluster: string;
  driver: string;
  address: string;
  privateAddress?: string;
  port: number;
  user: string;
  keyPath?: string;
  jumpHost?: string;
  /** Arguments of ssh: pinned host keys, jump hosts. */
  sshArguments: readonly string[];
  /** In the swarm; undefined if unknown. */
  role?: string;
  /** Of the engine and of the swarm node. */
  labels: Readonly<Record<string, string>>;
}

export interface InventoryOptions {
  /** Private addresses, where machines have them. */
  isPrivate: boolean;
  /** Of Prometheus's targets. */
  port: number;
}

/** Formats besides JSON, by name. */
export const inventoryFormats = {
  ansible: formatAnsible,
  'ansible-json': (hosts: readonly InventoryHost[]) => JSON.stringify(ansibleInventory(hosts), null, 2),
  hosts: formatHostsFile,
  prometheus: formatPrometheus,
} as const satisfies Record<string, (hosts: readonly InventoryHost[], options: InventoryOptions) => string>;

/** Ansible's groups with their hosts; the prefixes keep them apart from names of machines. */
function groupsOf(hosts: readonly InventoryHost[]): Map<string, readonly string[]> {
  const members = hosts.flatMap((host) => groupNames(host).map((group) => ({ group, name: host.name })));
  return new Map(
    [...groupBy(members, ({ group }) => group)]
      .map(([group, entries]) => [group, [...new Set(entries.map(({ name }) => name))]] as const)
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  );
}

function groupNames({ cluster, driver, role, labels }: InventoryHost): string[] {
  return [
    `cluster_${cluster}`,
    `driver_${driver}`,
    ...(role === undefined ? [] : [`${role}s`]),
    ...Object.entries(labels).map(([key, value]) => `label_${key}${value === '' ? '' : `_${value}`}`),
  ].map(identifier);
}

/** For groups of Ansible and labels of Prometheus. */
function identifier(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_]/g, '_');
}

type AnsibleVariables = Readonly<Record<string, unknown>>;

/** @see https://docs.ansible.com/ansible/latest/dev_guide/developing_inventory.html */
function ansibleInventory(hosts: readonly InventoryHost[]): unknown {
  return {
    _meta: { hostvars: Object.fromEntries(hosts.map((host) => [host.name, ansibleVariables(host)])) },
    all: { hosts: hosts.map(({ name }) => name) },
    ...Object.fromEntries([...groupsOf(hosts)].map(([group, names]) => [group, { hosts: names }])),
  };
}

/** For Ansible's `--host`. */
export function formatHostVariables([host]: readonly InventoryHost[]): string {
  return JSON.stringify(host ? ansibleVariables(host) : {}, null, 2);
}

function ansibleVariables({ labels, ...host }: InventoryHost): AnsibleVariables {
  return { ...connectionVariables(host), belt_labels: labels };
}

function connectionVariables(host: Omit<InventoryHost, 'labels'>): Record<string, string | number> {
  return {
    ansible_host: host.address,
    ansible_port: host.port,
    ansible_user: host.user,
    ...(host.keyPath !== undefined && { ansible_ssh_private_key_file: host.keyPath }),
    ansible_ssh_common_args: quoteArgs(host.sshArguments),
    belt_cluster: host.cluster,
    belt_driver: host.driver,
    ...(host.role !== undefined && { belt_role: host.role }),
    ...(host.privateAddress !== undefined && { belt_private_address: host.privateAddress }),
  };
}

/** Ansible splits the lines like a POSIX shell. */
function formatAnsible(hosts: readonly InventoryHost[]): string {
  const lines = hosts.map(({ labels: _, ...host }) => {
    const variables = Object.entries(connectionVariables(host));
    return [host.name, ...variables.map(([key, value]) => `${key}=${quoteArgs([String(value)])}`)].join(' ');
  });
  const groups = [...groupsOf(hosts)].map(([group, names]) => [`[${group}]`, ...names].join('\n'));
  return [...(lines.length > 0 ? [lines.join('\n')] : []), ...groups].join('\n\n');
}

/** @see hosts(5) */
function formatHostsFile(hosts: readonly InventoryHost[], options: InventoryOptions): string {
  return hosts.map((host) => `${addressFor(host, options)}\t${host.name}`).join('\n');
}

/** @see https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config */
function formatPrometheus(hosts: readonly InventoryHost[], options: InventoryOptions): string {
  const entries = hosts.map((host) => {
    const address = addressFor(host, options);
    const labels = Object.entries(host.labels).map(([key, value]) => [`label_${identifier(key)}`, value]);
    return {
      targets: [`${isIPv6(address) ? `[${address}]` : address}:${options.port}`],
      labels: {
        instance: host.name,
        cluster: host.cluster,
        driver: host.driver,
        ...(host.role !== undefined && { role: host.role }),
        ...Object.fromEntries(labels),
      },
    };
  });
  return JSON.stringify(entries, null, 2);
}

function addressFor({ address, privateAddress }: InventoryHost, { isPrivate }: InventoryOptions): string {
  return isPrivate ? (privateAddress ?? address) : address;
}
