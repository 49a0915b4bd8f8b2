import { Flags } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.js';
import { allFlag, nodesArgument, timeoutFlag } from '../cli/flags.js';
import { formatHostVariables, type InventoryHost, inventoryFormats } from '../machines/views/inventory.js';
import { listInventory } from '../swarm/list-inventory.js';

export default class Inventory extends BaseCommand<typeof Inventory> {
  static override summary = 'Print an inventory of machines for other tools';
  static override description =
    `Formats: ansible and ansible-json (inventories of Ansible), hosts (lines for /etc/hosts), prometheus
(targets for file_sd_configs), json (all fields, as -o json).

Ansible's groups are cluster_NAME, driver_NAME, managers and workers, and label_KEY_VALUE for the labels
of engines and swarm nodes. A script of two lines makes belt Ansible's dynamic inventory:

  #!/bin/sh
  exec belt inventory "$@"

Roles and node labels are read from a manager of the swarm. If none responds within --timeout, they are
left out.`;
  static override usage = 'inventory [NODES...]';
  static override strict = false;
  static override args = nodesArgument;
  static override flags = {
    ...allFlag,
    format: Flags.string({
      summary: 'Output format',
      options: [...Object.keys(inventoryFormats), 'json'],
      default: 'ansible',
    }),
    private: Flags.boolean({
      summary: 'Use private addresses where machines have them (hosts, prometheus)',
    }),
    port: Flags.integer({
      summary: 'Port of the targets (prometheus)',
      helpValue: 'PORT',
      default: 9100,
      min: 1,
      max: 65_535,
    }),
    list: Flags.boolean({ summary: 'Same as --format ansible-json, as Ansible calls inventory scripts' }),
    host: Flags.string({
      summary: 'Print the variables of one machine, as Ansible calls inventory scripts',
      helpValue: 'NODE',
    }),
    ...timeoutFlag('Timeout for the swarm in seconds', 5),
  };
  static override examples = [
    {
      description: 'Run an Ansible module on all workers',
      command: '<%= config.bin %> inventory > belt.ini && ansible -i belt.ini workers -m ping',
    },
    {
      description: 'Let Prometheus scrape the node exporters',
      command: '<%= config.bin %> inventory --format prometheus > targets/belt.json',
    },
    { description: 'Print lines for /etc/hosts', command: '<%= config.bin %> inventory --format hosts' },
  ];

  async run(): Promise<InventoryHost[]> {
    const { all, format, list, host, timeout, port, private: isPrivate } = this.flags;
    const nodes = host === undefined ? this.words : [host];
    const hosts = await listInventory({ nodes, all, timeoutMs: timeout * 1000 }, await this.context());
    const name = (list ? 'ansible-json' : format) as keyof typeof inventoryFormats;
    if (host !== undefined) this.print(formatHostVariables(hosts));
    else if (!this.jsonEnabled()) this.print(inventoryFormats[name](hosts, { isPrivate, port }));
    return hosts;
  }
}
