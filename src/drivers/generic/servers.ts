import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import { closest } from '../../base/closest.js';
import { hasCode } from '../../base/errno.js';
import { messageOf, UserError } from '../../base/errors.js';
import { mapLimited } from '../../base/map-limit.js';
import { readBoundedFile } from '../../base/size-limit.js';
import { expandAddresses } from '../../machines/model/patterns.js';
import { isHost, parseWrittenHost, type SshHost, type WrittenHost } from '../../machines/model/ssh-host.js';
import type { Adoption, LocalUser } from '../driver.js';
import { type GenericSettings, loginOf, type ServerLogin } from './generic-settings.js';
import { type InventoryEntry, parseInventory } from './inventory.js';

interface Server {
  name: string;
  address: string;
  login: ServerLogin;
  /** The base of a relative key path. */
  folder?: string;
}

export async function findServers(
  names: readonly string[],
  settings: GenericSettings,
  user: LocalUser,
): Promise<Adoption[]> {
  const servers = settings.ipAddress
    ? byAddresses(names, settings.ipAddress, loginOf(settings))
    : await byInventory(names, settings.inventory, loginOf(settings), user);
  const keys = await findKeys(servers, user);
  const hosts = await mapLimited(servers, maxLookups, (server) => lookUp(server, user));
  requireDistinctServers(servers, hosts);
  return servers.map(({ name }, index) =>
    adoptionOf(name, withKey(hosts[index] as SshHost, keys[index]), settings.enginePort),
  );
}

/** Each one is a process of OpenSSH. */
const maxLookups = 8;

function byAddresses(names: readonly string[], pattern: string, login: ServerLogin): Server[] {
  const written = parseLogin(pattern);
  if (written) throw invalidAddress(pattern, written);
  const addresses = expandAddresses(pattern);
  const invalid = addresses.find((address) => !isHost(address));
  if (invalid !== undefined) throw invalidAddress(invalid, parseWrittenHost(invalid));
  if (addresses.length !== names.length) {
    throw new UserError(
      `${count(addresses.length, 'address', 'addresses')} for ${count(names.length, 'name', 'names')}: ` +
        `${abbreviate(addresses)} for ${abbreviate(names)}`,
      { hint: 'specify one for each name: --generic-ip-address 10.0.0.[11:14] node[1:4]' },
    );
  }
  return names.map((name, index) => ({ name, address: addresses[index] ?? '', login }));
}

/** `root@10.0.0.5` or `ssh://host:2222`, which would be a bad pattern. */
function parseLogin(address: string): WrittenHost | undefined {
  const host = parseWrittenHost(address.replace(/^ssh:\/\/(.*?)\/?$/i, '$1'));
  return host?.user !== undefined || /^ssh:/i.test(address) ? host : undefined;
}

/** @param login suggests its flags */
function invalidAddress(address: string, login: WrittenHost | undefined): UserError {
  const { host, user, port } = login ?? {};
  const flags = [
    `--generic-ip-address ${host}`,
    ...(user === undefined ? [] : [`--generic-ssh-user ${user}`]),
    ...(port === undefined ? [] : [`--generic-ssh-port ${port}`]),
  ];
  return new UserError(`"${address}" is neither an IP address nor a host name`, {
    ...(host !== undefined && { hint: flags.join(' ') }),
  });
}

async function byInventory(
  names: readonly string[],
  inventory: string | undefined,
  login: ServerLogin,
  user: LocalUser,
): Promise<Server[]> {
  if (inventory === undefined) {
    throw new UserError('generic driver requires the --generic-ip-address option', {
      hint: 'list the servers in a file: --generic-inventory FILE',
    });
  }
  const path = user.resolvePath(inventory);
  const entries = parseInventory(inventory, await readInventory(inventory, path));
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  return names.map((name) => {
    const entry = byName.get(name);
    if (!entry) throw notListed(name, inventory, [...byName.keys()]);
    return serverOf(entry, login, dirname(path));
  });
}

async function readInventory(written: string, path: string): Promise<string> {
  try {
    return await readBoundedFile(path);
  } catch (cause) {
    throw new UserError(`cannot read the inventory ${written}: ${messageOf(cause)}`, { cause });
  }
}

function serverOf(entry: InventoryEntry, login: ServerLogin, inventoryFolder: string): Server {
  const { name, address, user, port, key, jump } = entry;
  return {
    name,
    address,
    login: {
      ...login,
      ...(user !== undefined && { user }),
      ...(port !== undefined && { port }),
      ...(key !== undefined && { key }),
      ...(jump !== undefined && { jump }),
    },
    ...(key !== undefined && { folder: inventoryFolder }),
  };
}

function notListed(name: string, inventory: string, listed: readonly string[]): UserError {
  const suggestion = closest(name, listed);
  return new UserError(`${name} is not in ${inventory}`, {
    hint: suggestion
      ? `did you mean "${suggestion}"?`
      : `use one of the names it lists: ${abbreviate(listed)}`,
  });
}

/** Two machines on one server would conflict over its engine. */
function requireDistinctServers(servers: readonly Server[], hosts: readonly SshHost[]): void {
  const seen = new Map<string, string>();
  for (const [index, { address, port, jump }] of hosts.entries()) {
    const { name } = servers[index] as Server;
    const server = `${address} port ${port}${jump ? ` behind ${jump.host}` : ''}`;
    const other = seen.get(server);
    if (other !== undefined) throw new UserError(`${other} and ${name} are both ${server}`);
    seen.set(server, name);
  }
}

async function lookUp({ address, login: { key: _, ...login } }: Server, user: LocalUser): Promise<SshHost> {
  const written = { host: address, ...login };
  return user.sshHost?.(written) ?? withDefaults(written);
}

/** Without OpenSSH. */
function withDefaults({
  host,
  user = 'root',
  port = 22,
  jump,
}: WrittenHost & { jump?: WrittenHost }): SshHost {
  return {
    address: host,
    user,
    port,
    ...(jump && { jump: { ...jump, user: jump.user ?? 'root', port: jump.port ?? 22 } }),
    hostKeys: [],
  };
}

/** A key that was specified replaces the configuration's, and its certificate. */
function withKey(host: SshHost, keyPath: string | undefined): SshHost {
  if (keyPath === undefined) return host;
  const { certificatePath: _, ...rest } = host;
  return { ...rest, keyPath };
}

async function findKeys(servers: readonly Server[], user: LocalUser): Promise<(string | undefined)[]> {
  const paths = servers.map(({ login: { key }, folder }) =>
    key === undefined ? undefined : user.resolvePath(key, folder),
  );
  for (const path of new Set(paths.filter((found) => found !== undefined))) await requireKey(path);
  return paths;
}

/** docker-machine's message. */
async function requireKey(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK);
  } catch (cause) {
    const missing = hasCode(cause, 'ENOENT');
    throw new UserError(missing ? `SSH key does not exist: "${path}"` : `SSH key cannot be read: "${path}"`, {
      cause,
    });
  }
}

/** `EnginePort` and `SSHKey` are what docker-machine's own driver keeps. */
function adoptionOf(name: string, { address, hostKeys, ...ssh }: SshHost, enginePort: number): Adoption {
  const [own, ...jumps] = hostKeys;
  return {
    name,
    addresses: { public: address },
    ssh,
    ...(own && { hostKeys: [{ ...own, name }, ...jumps] }),
    enginePort,
    driverData: { EnginePort: enginePort, SSHKey: ssh.keyPath ?? '' },
  };
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}

function abbreviate(items: readonly string[]): string {
  return items.length <= 6 ? items.join(', ') : `${items.slice(0, 4).join(', ')}, ... ${items.at(-1)}`;
}
