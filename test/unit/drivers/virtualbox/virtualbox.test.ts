import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { formatAddress, parseAddress } from '../../../../src/base/ip-addresses.js';
import { templatesIn } from '../../../../src/base/templates.js';
import type { DriverOptions } from '../../../../src/drivers/driver.js';
import { userDataDisk } from '../../../../src/drivers/virtualbox/boot2docker-iso.js';
import { readChecksum } from '../../../../src/drivers/virtualbox/download.js';
import { sourceOf, vendorImageOf, vendorImages } from '../../../../src/drivers/virtualbox/image-sources.js';
import { driver } from '../../../../src/drivers/virtualbox/index.js';
import { isoImage } from '../../../../src/drivers/virtualbox/iso9660.js';
import {
  readBlocks,
  readExtraData,
  readInfo,
  readVms,
  stateOf,
} from '../../../../src/drivers/virtualbox/parse-output.js';
import { mediaIn } from '../../../../src/drivers/virtualbox/remove-vm.js';
import { seedFiles } from '../../../../src/drivers/virtualbox/seed-disk.js';
import { parseError, withoutWarning } from '../../../../src/drivers/virtualbox/vboxmanage.js';
import { readSettings } from '../../../../src/drivers/virtualbox/virtualbox-settings.js';
import { uuidOf } from '../../../../src/drivers/virtualbox/vm.js';
import {
  addressCandidates,
  cardArgs,
  loopbackOf,
  memoryOf,
} from '../../../../src/drivers/virtualbox/vm-arguments.js';
import { start } from '../../../../src/drivers/virtualbox/vm-lifecycle.js';
import { readAllowed, readRoutes } from '../../../../src/drivers/virtualbox/vm-network.js';
import type { Machine } from '../../../../src/machines/model/machine.js';
import { generateKeyPair } from '../../../../src/ssh/index.js';

const person = { resolvePath: (path: string) => `/home/me/${path}`, defaultKeyPaths: [] };

test("a record shows the image of a machine if it is a vendor's", () => {
  expect(vendorImageOf({ driverData: { image: 'debian-12' } })).toEqual({ image: 'debian-12' });
  expect(vendorImageOf({ driverData: { image: 'debian-12-1f3a9c02' } })).toEqual({});
  expect(vendorImageOf({ driverData: {} })).toEqual({});
});

describe('the output of VBoxManage', () => {
  test('the warning about a missing kernel module is removed from the output', () => {
    const warning = `WARNING: The character device /dev/vboxdrv does not exist.
	 Please install the virtualbox-dkms package and the appropriate
	 headers, most likely linux-headers-v669.

	 You will not be able to start VMs until this problem is fixed.
`;
    expect(withoutWarning(`${warning}7.2.22_Debianr175245`)).toBe('7.2.22_Debianr175245');
    expect(withoutWarning('"a" {x}\n')).toBe('"a" {x}\n');
  });

  test('errors are found after progress output, with text and code', () => {
    const text = `0%...10%...VBoxManage: error: Could not find a registered machine named 'nope'
VBoxManage: error: Details: code VBOX_E_OBJECT_NOT_FOUND (0x80bb0001), component VirtualBoxWrap, interface IVirtualBox, callee nsISupports
VBoxManage: error: Context: "FindMachine(...)" at line 3248 of file VBoxManageInfo.cpp
`;
    expect(parseError(text)).toEqual({
      text: "Could not find a registered machine named 'nope'",
      code: 'VBOX_E_OBJECT_NOT_FOUND',
    });
    expect(parseError("VBoxManage.exe: error: Machine 'a' is not currently running.\r\n")).toEqual({
      text: "Machine 'a' is not currently running.",
      code: undefined,
    });
    const bare =
      'VBoxManage: error: Code E_ACCESSDENIED (0x80070005) - Access denied (extended info not available)';
    expect(parseError(bare).code).toBe('E_ACCESSDENIED');
    expect(parseError('0%...NS_ERROR_FAILURE\n').code).toBe('NS_ERROR_FAILURE');
  });

  test('VMs are parsed whatever their names', () => {
    const uuid = '68d83c0f-1111-4222-8333-444455556666';
    const names = fc.stringMatching(/^[^\r\n\u2028\u2029]{1,30}$/);
    fc.assert(
      fc.property(names, (name) => {
        expect(readVms(`"${name}" {${uuid}}\n"b" {${uuid}}\n`)).toEqual([
          { name, uuid },
          { name: 'b', uuid },
        ]);
      }),
    );
    expect(readVms('')).toEqual([]);
  });

  test('machine-readable lines are parsed with quoted keys, quotes in values and values that span lines', () => {
    const text = `name="it's "mine""
memory=512
"SATA-0-0"="/vms/a b/disk.vdi"
"SATA-ImageUUID-0-0"="11-22"
"SATA-1-0"="emptydrive"
storagecontrollername0="SATA"
description="one
two = 2"
 rec_screen0
Forwarding(0)="ssh,tcp,127.0.0.1,22001,,22"
VMState="aborted-saved"
`;
    const info = readInfo(text.replaceAll('\n', '\r\n'));
    expect(Object.fromEntries(info)).toMatchObject({
      name: `it's "mine"`,
      memory: '512',
      'SATA-0-0': '/vms/a b/disk.vdi',
      description: 'one\r\ntwo = 2',
      'Forwarding(0)': 'ssh,tcp,127.0.0.1,22001,,22',
      VMState: 'aborted-saved',
    });
    expect(mediaIn(info)).toEqual([
      { controller: 'SATA', port: '0', device: '0', path: '/vms/a b/disk.vdi', uuid: '11-22' },
    ]);
  });

  test('blocks and extra data are parsed', () => {
    expect(readBlocks('Name:  a\nNetwork:      10.98.0.0/24\n\nName: b\r\n')).toEqual([
      new Map([
        ['Name', 'a'],
        ['Network', '10.98.0.0/24'],
      ]),
      new Map([['Name', 'b']]),
    ]);
    expect(readExtraData('Value: 192.168.56.2\r\n')).toBe('192.168.56.2');
    expect(readExtraData('No value set!\n')).toBeUndefined();
  });

  test.each([
    ['poweroff', 'stopped'],
    ['aborted', 'stopped'],
    ['aborted-saved', 'saved'],
    ['paused', 'paused'],
    ['gurumeditation', 'error'],
    ['onlinesnapshotting', 'running'],
    ['something new', 'error'],
    ['constructor', 'error'],
    [undefined, 'error'],
  ])('the state %s is %s', (word, state) => {
    expect(stateOf(word)).toBe(state);
  });
});

describe('settings', () => {
  const read = (values: Record<string, unknown>) => readSettings(values as never);

  test('settings have docker-machine’s keys, variables and defaults', () => {
    const known = Object.fromEntries(driver.settings.map(({ key, env = [] }) => [key, env[0]]));
    expect(known).toMatchObject({
      memory: 'VIRTUALBOX_MEMORY_SIZE',
      cpu_count: 'VIRTUALBOX_CPU_COUNT',
      disk_size: 'VIRTUALBOX_DISK_SIZE',
      boot2docker_url: 'VIRTUALBOX_BOOT2DOCKER_URL',
      import_boot2docker_vm: 'VIRTUALBOX_BOOT2DOCKER_IMPORT_VM',
      host_dns_resolver: 'VIRTUALBOX_HOST_DNS_RESOLVER',
      nat_nictype: 'VIRTUALBOX_NAT_NICTYPE',
      hostonly_cidr: 'VIRTUALBOX_HOSTONLY_CIDR',
      hostonly_nictype: 'VIRTUALBOX_HOSTONLY_NIC_TYPE',
      hostonly_nicpromisc: 'VIRTUALBOX_HOSTONLY_NIC_PROMISC',
      hostonly_no_dhcp: 'VIRTUALBOX_HOSTONLY_NO_DHCP',
      ui_type: 'VIRTUALBOX_UI_TYPE',
      no_share: 'VIRTUALBOX_NO_SHARE',
      no_dns_proxy: 'VIRTUALBOX_NO_DNS_PROXY',
      no_vtx_check: 'VIRTUALBOX_NO_VTX_CHECK',
      share_folder: 'VIRTUALBOX_SHARE_FOLDER',
    });
    const defaults = Object.fromEntries(driver.settings.map(({ key, default: value }) => [key, value]));
    expect(read(defaults)).toEqual(read({}));
    expect(read({})).toMatchObject({
      memory: 1024,
      natNictype: '82540EM',
      uiType: 'headless',
      dnsProxy: true,
    });
  });

  test.each([
    [{ hostonly_cidr: '192.168.56.1' }, 'with its range'],
    [{ hostonly_cidr: '192.168.56.0/24' }, 'is not the address of a computer'],
    [{ hostonly_cidr: '192.168.56.1/30' }, 'with its range'],
    [{ natnetwork_cidr: '192.168.0.0/24' }, 'within 10.0.0.0/8'],
    [{ natnetwork_cidr: '10.98.0.7/24' }, 'within 10.0.0.0/8'],
    [{ cpu_count: 0 }, 'at least 1'],
    [{ disk_size: 20 }, 'from 3000'],
    [{ hostonly_nictype: 'e1000' }, 'one of 82540EM'],
    [{ ui_type: 'curses' }, 'one of headless'],
    [{ share_folder: '/home' }, 'FOLDER:NAME'],
    [{ image_checksum: 'sha256:12' }, 'hex digits'],
    [{ import_boot2docker_vm: 'old' }, 'cannot import'],
  ])('the setting %j is refused', (values, message) => {
    expect(() => read(values)).toThrow(message);
  });

  test('shared folders are parsed, including those of Windows', () => {
    expect(read({ share_folder: '/home:hosthome' }).share).toEqual({ path: '/home', name: 'hosthome' });
    expect(read({ share_folder: String.raw`C:\Users:users` }).share).toEqual({
      path: String.raw`C:\Users`,
      name: 'users',
    });
    expect(read({ share_folder: '/home:x', no_share: true }).share).toBe('none');
  });

  test('a size is an amount of memory, large enough for an engine', () => {
    expect(memoryOf(undefined, read({ memory: 2048 }))).toBe(2048);
    expect(memoryOf('1.5gb', read({}))).toBe(1536);
    expect(() => memoryOf('128mb', read({}))).toThrow('not enough memory');
  });

  test('images are a vendor’s or the user’s own', () => {
    for (const name of vendorImages) {
      const { location, checksumFiles } = sourceOf(name, undefined, person);
      expect(location).toMatch(/^https:.*\.(raw|vmdk)$/);
      expect(checksumFiles).toHaveLength(1);
    }
    expect(sourceOf('./a.vmdk', undefined, person).location).toBe('/home/me/./a.vmdk');
    const one = sourceOf('https://example.com/x/a.raw', undefined, person).name;
    expect(one).toMatch(/^a-[0-9a-f]{8}$/);
    expect(sourceOf('https://example.com/y/a.raw', undefined, person).name).not.toBe(one);
  });
});

describe('addresses', () => {
  test('machines never get the address of the computer or the DHCP server, and the DHCP range last', () => {
    const settings = readSettings({ hostonly_cidr: '192.168.56.1/24' });
    const all = addressCandidates(settings).map(formatAddress);
    expect(all.slice(0, 2)).toEqual(['192.168.56.2', '192.168.56.3']);
    expect(all.indexOf('192.168.56.99')).toBe(97);
    expect(all).toHaveLength(252);
    expect(all).not.toContain('192.168.56.100');
  });

  test('machines of a NAT network are forwarded from loopback addresses', () => {
    expect(loopbackOf(parseAddress('10.98.0.4') ?? 0)).toBe('127.98.0.4');
    const settings = readSettings({ network: 'natnetwork' });
    expect(cardArgs(settings, undefined)).toEqual(
      expect.arrayContaining(['--nic1', 'natnetwork', '--nat-network1', 'belt']),
    );
    expect(addressCandidates(settings).map(formatAddress)[0]).toBe('10.98.0.2');
  });

  test('allowed ranges and the computer’s routes are parsed', () => {
    const allowed = readAllowed('# mine\n* 10.0.0.0/8 192.168.0.0/16 # more\n* 2001::/64\n');
    expect(allowed.map(({ prefix }) => prefix)).toEqual([8, 16]);
    const routes = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
tun0\t0038A8C0\t00000000\t0001\t0\t0\t0\t00F8FFFF\t0\t0\t0
`;
    expect(readRoutes(routes)[1]).toEqual({
      by: 'tun0',
      range: { base: parseAddress('192.168.56.0'), prefix: 21 },
    });
  });
});

describe('the host-only network of a starting machine', () => {
  const recorded = (driverData: Machine['driverData'], address = '192.168.60.2'): Machine => ({
    name: 'a',
    driver: 'virtualbox',
    phase: 'ready',
    id: '68d83c0f-1111-4222-8333-444455556666',
    addresses: { public: address },
    ssh: { user: 'debian', port: 22 },
    driverData,
    createdAt: '2026-01-01T00:00:00.000Z',
  });
  const settings = readSettings({ hostonly_cidr: '192.168.57.1/24' });
  const inRange60 = { HostOnlyCIDR: '192.168.60.1/24' };

  /** Starts a VM on vboxnet0 while the computer has these interfaces. @returns what was changed */
  const changesOf = async (machine: Machine, interfaces: Record<string, string>): Promise<string[]> => {
    const changes: string[] = [];
    const run = async (args: readonly string[]): Promise<string> => {
      const line = args.join(' ');
      if (line === 'list vms') return `"a" {${machine.id}}\n`;
      if (line === 'list hostonlyifs')
        return Object.entries(interfaces)
          .map(([name, address]) => `Name: ${name}\nIPAddress: ${address}\nNetworkMask: 255.255.255.0\n`)
          .join('\n');
      if (args[0] === 'showvminfo')
        return 'VMState="poweroff"\nhostonlyadapter2="vboxnet0"\nnic2="hostonly"\n';
      if (args[0] !== 'startvm') changes.push(line.replace(String(machine.id), 'a'));
      return "Interface 'vboxnet1' was successfully created\n";
    };
    const folder = await mkdtemp(join(tmpdir(), 'belt-vbox-unit-'));
    const virtualbox = {
      vbox: { run, onVm: (_: string, args: readonly string[]) => run(args) },
      settings,
      options: { cluster: { id: randomUUID(), name: 'default' } } as DriverOptions,
      folder: async () => folder,
    };
    try {
      for await (const event of start(virtualbox, [machine], new AbortController().signal))
        if (event.type === 'failed') throw event.error;
    } finally {
      await rm(folder, { recursive: true });
    }
    return changes;
  };

  test.each([
    ['recorded', inRange60, '192.168.60.2'],
    ['that of its address', {}, '192.168.60.2'],
    ['not known of', {}, ''],
  ])('the host-only network stays as it is: %s', async (_, driverData, address) => {
    expect(await changesOf(recorded(driverData, address), { vboxnet0: '192.168.60.1' })).toEqual([]);
  });

  test('the network of a docker-machine machine is the recorded one', async () => {
    const imported = recorded({ HostOnlyCIDR: '192.168.99.1/24' }, '192.168.99.100');
    expect(await changesOf(imported, { vboxnet0: '192.168.99.1', vboxnet1: '192.168.57.1' })).toEqual([]);
  });

  test('the network is found under its current name', async () => {
    const others = { vboxnet0: '192.168.57.1', vboxnet3: '192.168.60.1' };
    const moved = ['modifyvm a --hostonlyadapter2 vboxnet3'];
    expect(await changesOf(recorded(inRange60), others)).toEqual(moved);
    expect(await changesOf(recorded(inRange60), { vboxnet3: '192.168.60.1' })).toEqual(moved);
    // The computer's address there is unknown, but the network is known.
    expect(await changesOf(recorded({}), { vboxnet3: '192.168.60.9' })).toEqual(moved);
  });

  test('a missing network is created as recorded, else from the address, else as configured', async () => {
    const madeAt = (address: string) => [
      'hostonlyif create',
      `hostonlyif ipconfig vboxnet1 --ip ${address} --netmask 255.255.255.0`,
      'modifyvm a --hostonlyadapter2 vboxnet1',
    ];
    expect(await changesOf(recorded({ HostOnlyCIDR: '192.168.60.9/24' }), {})).toEqual(
      madeAt('192.168.60.9'),
    );
    expect(await changesOf(recorded({}), {})).toEqual(madeAt('192.168.60.1'));
    expect(await changesOf(recorded({}, ''), {})).toEqual(madeAt('192.168.57.1'));
  });

  test('an interface without an address gets it back', async () => {
    const given = ['hostonlyif ipconfig vboxnet0 --ip 192.168.60.1 --netmask 255.255.255.0'];
    expect(await changesOf(recorded(inRange60), { vboxnet0: '0.0.0.0' })).toEqual(given);
    expect(await changesOf(recorded(inRange60), { vboxnet0: '' })).toEqual(given);
  });

  test('a network that VirtualBox does not allow is refused, and no interface is created', async () => {
    const imported = recorded({ HostOnlyCIDR: '10.9.99.1/24' }, '10.9.99.100');
    await expect(changesOf(imported, {})).rejects.toThrow(
      'does not allow the host-only network 10.9.99.0/24',
    );
  });
});

test('the UUID of a VM is version 5, derived from cluster and name', () => {
  // RFC 9562, appendix A.4: the DNS name space and www.example.com.
  const id = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
  expect(uuidOf({ id, name: 'x' }, 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
});

test('checksum files are parsed with and without stars and dots', () => {
  const hex = 'ab'.repeat(32);
  const sums = `${'cd'.repeat(32)} *other.raw\n${hex} *a.raw\r\n`;
  expect(readChecksum(sums, 'a.raw')).toBe(hex);
  expect(readChecksum(`${hex}  ./a.raw\n`, 'a.raw')).toBe(hex);
  expect(readChecksum(sums, 'b.raw')).toBeUndefined();
});

describe('the seed disk', () => {
  const request = {
    name: 'node1',
    ssh: { user: 'root', authorizedKey: 'ssh-ed25519 AAAA me\n', hostKey: generateKeyPair('node1') },
  };

  test('the seed disk contains name, keys and network', async () => {
    const cards = [
      { mac: '080027A4D6BD' },
      { mac: '080027000001', fixed: { address: parseAddress('192.168.56.2') ?? 0, prefix: 24 } },
    ];
    const files = await seedFiles({ uuid: 'u-1', request, user: 'debian', cards }, templatesIn('templates'));
    expect(parse(files['meta-data'] ?? '')).toEqual({ 'instance-id': 'u-1', 'local-hostname': 'node1' });
    expect(parse(files['network-config'] ?? '')).toEqual({
      version: 2,
      ethernets: {
        card1: { match: { macaddress: '08:00:27:a4:d6:bd' }, dhcp4: true },
        card2: {
          match: { macaddress: '08:00:27:00:00:01' },
          dhcp4: false,
          addresses: ['192.168.56.2/24'],
        },
      },
    });
    expect(parse(files['user-data'] ?? '')).toMatchObject({
      hostname: 'node1',
      user: { name: 'debian' },
      ssh_authorized_keys: ['ssh-ed25519 AAAA me'],
      ssh_keys: {
        ed25519_private: `${request.ssh.hostKey.privateKey.trim()}\n`,
        ed25519_public: request.ssh.hostKey.publicKey.trim(),
      },
    });
  });

  test('an ISO image contains all files in order', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9._ -]{1,40}$/);
    const files = fc.dictionary(name, fc.string({ maxLength: 5000 }), { maxKeys: 8, noNullPrototype: true });
    fc.assert(
      fc.property(files, (given) => {
        expect(readJoliet(isoImage('cidata', given))).toEqual({ label: 'cidata', files: given });
      }),
    );
    expect(() => isoImage('cidata', { 'a/b': '' })).toThrow('not a valid Joliet name');
    expect(() => isoImage('a label that is too long', {})).toThrow('too long');
  });

  test('boot2docker finds the magic string and the key within what it reads', async () => {
    const disk = await userDataDisk(`ssh-rsa ${'A'.repeat(700)} me`);
    expect(disk.toString('latin1', 0, 29)).toBe('boot2docker, please format-me\0'.slice(0, 29));
    expect(disk.indexOf('.ssh/authorized_keys')).toBeLessThan(4096 - 1536);
  });
});

/** Reads the supplementary tree according to ECMA-119, independently of the code that writes it. */
function readJoliet(image: Buffer): { label: string; files: Record<string, string> } {
  const text = (bytes: Buffer) => Buffer.from(bytes).swap16().toString('utf16le');
  const volume = image.subarray(17 * 2048, 18 * 2048);
  expect(image.toString('latin1', 16 * 2048, 16 * 2048 + 7)).toBe('\x01CD001\x01');
  expect(image.toString('latin1', 18 * 2048, 18 * 2048 + 7)).toBe('\xffCD001\x01');
  expect(volume.readUInt32LE(80) * 2048).toBe(image.length);
  expect(volume.readUInt32LE(80)).toBe(volume.readUInt32BE(84));
  const root = volume.readUInt32LE(156 + 2) * 2048;
  const files: [string, string][] = [];
  for (let at = root; image[at]; at += image[at] ?? 0) {
    const isFolder = ((image[at + 25] ?? 0) & 2) !== 0;
    if (isFolder) continue;
    const name = text(image.subarray(at + 33, at + 33 + (image[at + 32] ?? 0)));
    const start = image.readUInt32LE(at + 2) * 2048;
    files.push([name, image.toString('utf8', start, start + image.readUInt32LE(at + 10))]);
  }
  return { label: text(volume.subarray(40, 72)).trim(), files: Object.fromEntries(files) };
}
