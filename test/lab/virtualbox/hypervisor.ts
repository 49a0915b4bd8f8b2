import { parse } from 'yaml';
import { readInfo } from '../../../src/drivers/virtualbox/parse-output.js';
import type { Guests } from '../ec2/guests.js';
import { type Answer, inVirtualBox, keepServerRunning, realVBoxManage } from './real.js';

/**
 * Emulates what VirtualBox cannot do without its kernel module: running VMs (`startvm`,
 * `controlvm`, and the state in `showvminfo`) and host-only interfaces. A running VM is an nspawn
 * guest, and its only source of keys, name and address is the seed disk attached to the VM. The
 * real VBoxManage runs all other commands; messages and exit codes here are recorded from a real
 * one. Pausing has no effect on the guest. Without `guests`, VMs only have the state of running
 * ones. `dispose` stops the processes that keep VirtualBox's server running for VMs.
 */
export function hypervisor(folder: string, guests: Guests | undefined, bridge: string) {
  const states = new Map<string, 'running' | 'paused'>();
  const booted = new Set<string>();
  const interfaces: { name: string; address: string; netmask: string }[] = [];
  const ending = new Map<string, Promise<void>>();
  const callers = new Map<string, () => void>();
  const off = (uuid: string): void => {
    states.delete(uuid);
    callers.get(uuid)?.();
    callers.delete(uuid);
  };

  /**
   * Includes the error of the real VBoxManage, which may be a missing VM or a server that is just
   * exiting.
   */
  const vmOf = async (nameOrId: string) => {
    const answer = await realVBoxManage(folder, ['showvminfo', nameOrId, '--machinereadable']);
    return answer.code === 0 ? { vm: readInfo(answer.stdout) } : { answer };
  };

  const on: Record<string, (args: readonly string[]) => Promise<Answer>> = {
    async startvm([, nameOrId = '']) {
      const { vm, answer } = await vmOf(nameOrId);
      if (!vm) return answer;
      const [uuid, name] = [vm.get('UUID') ?? '', vm.get('name') ?? ''];
      if (states.has(uuid) || ending.has(uuid)) return lockedResult(name);
      const adapter = vm.get('hostonlyadapter2');
      if (vm.get('nic2') === 'hostonly' && !interfaces.some((one) => one.name === adapter))
        return failureResult(
          `Nonexistent host networking interface, name '${adapter}' (VERR_INTERNAL_ERROR)`,
        );
      states.set(uuid, 'running');
      callers.set(uuid, keepServerRunning(folder, uuid));
      const seed = await readSeed(folder, vm);
      if (booted.has(uuid)) await guests?.start(uuid);
      else if (seed) await guests?.boot({ id: uuid, ...seed });
      else if (guests) throw new Error('the lab has no guests that boot boot2docker');
      booted.add(uuid);
      const stdout = `Waiting for VM "${name}" to power on...\nVM "${name}" has been successfully started.\n`;
      return { code: 0, stdout, stderr: '' };
    },

    async controlvm([, nameOrId = '', verb = '']) {
      const { vm, answer } = await vmOf(nameOrId);
      if (!vm) return answer;
      const [uuid, name] = [vm.get('UUID') ?? '', vm.get('name') ?? ''];
      if (!states.has(uuid)) return errorResult(`Machine '${name}' is not currently running.`);
      if (verb === 'pause') states.set(uuid, 'paused');
      else if (verb === 'resume') states.set(uuid, 'running');
      else if (verb === 'poweroff') {
        await guests?.kill(uuid);
        off(uuid);
      } else if (verb === 'acpipowerbutton') {
        // The command returns at once; the guest shuts down in the background.
        const down = guests?.stop(uuid) ?? Promise.resolve();
        ending.set(
          uuid,
          down.then(() => {
            off(uuid);
            ending.delete(uuid);
          }),
        );
      } else return errorResult(`Invalid parameter '${verb}'`);
      return success();
    },

    async hostonlyif([, verb, name = '', ...rest]) {
      if (verb === 'create') {
        if (guests && interfaces.length > 0) throw new Error('guests have one host-only interface');
        const created = [bridge, 'vboxnet1', 'vboxnet2'].find(
          (free) => !interfaces.some((one) => one.name === free),
        );
        if (created === undefined) throw new Error('the lab has three host-only interfaces');
        interfaces.push({ name: created, address: '', netmask: '' });
        return { code: 0, stdout: `Interface '${created}' was successfully created\n`, stderr: progress };
      }
      const found = interfaces.find((one) => one.name === name);
      if (verb === 'remove' && found) {
        interfaces.splice(interfaces.indexOf(found), 1);
        return { ...success(), stderr: progress };
      }
      if (verb !== 'ipconfig' || !found)
        return errorResult(`The host network interface named '${name}' could not be found`);
      const option = (key: string) => rest[rest.indexOf(key) + 1] ?? '';
      // VirtualBox's default range without a networks.conf.
      if (!/^192\.168\.(5[6-9]|6[0-3])\./.test(option('--ip')))
        return errorResult('Code E_ACCESSDENIED (0x80070005) - Access denied (extended info not available)');
      found.address = option('--ip');
      found.netmask = option('--netmask');
      return success();
    },
  };

  const answer = async (args: readonly string[]): Promise<Answer> => {
    const [verb = '', second = ''] = args;
    const own = Object.hasOwn(on, verb) ? on[verb] : undefined;
    if (own) return own(args);
    if (verb === 'list' && second === 'hostonlyifs')
      return { ...success(), stdout: interfaces.map(block).join('\n') };
    const isChange = /^(modifyvm|storage|unregistervm)/.test(verb);
    if (isChange && states.has(second)) return lockedResult(second);
    const real = await realVBoxManage(folder, args);
    if (verb === 'unregistervm' && real.code === 0 && booted.delete(second)) await guests?.remove(second);
    const state = states.get(second);
    if (verb !== 'showvminfo' || state === undefined) return real;
    return { ...real, stdout: real.stdout.replace('VMState="poweroff"', `VMState="${state}"`) };
  };
  return { answer, dispose: () => [...callers.keys()].forEach(off) };
}

/**
 * Reads the files of the seed disk and the adapter's static address. @returns undefined for
 * boot2docker
 */
async function readSeed(folder: string, vm: ReadonlyMap<string, string>) {
  const iso = [...vm.values()].find((value) => value.endsWith('.iso'));
  if (iso === undefined) throw new Error(`${vm.get('name')} has no seed disk`);
  const isoinfo = async (...args: string[]) => {
    const { code, stdout, stderr } = await inVirtualBox(folder, '/usr/bin/isoinfo', ['-i', iso, ...args]);
    if (code !== 0) throw new Error(`isoinfo ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const label = /^Volume id: (.*)$/m.exec(await isoinfo('-d'))?.[1];
  if (label?.startsWith('b2d')) return undefined;
  if (label !== 'cidata') throw new Error(`${iso} is not a seed disk`);
  const [userData, metaData, networkConfig] = await Promise.all(
    ['user-data', 'meta-data', 'network-config'].map((file) => isoinfo('-J', '-x', `/${file}`)),
  );
  if (!(parse(metaData ?? '') as Record<string, unknown>)['instance-id'])
    throw new Error('cloud-init ignores a seed disk without an instance-id');
  const address = fixedAddress(parse(networkConfig ?? ''), vm);
  return {
    address,
    firstBoot: { userData: userData ?? '', defaultUser: 'unknown', authorizedKeys: [] },
  };
}

interface NetworkConfig {
  version: number;
  ethernets: Record<string, { match: { macaddress: string }; dhcp4: boolean; addresses?: string[] }>;
}

function fixedAddress({ version, ethernets }: NetworkConfig, vm: ReadonlyMap<string, string>): string {
  if (version !== 2) throw new Error('network-config is not version 2');
  const cards = Object.values(ethernets);
  const macs = cards.map(({ match }) => match.macaddress.replaceAll(':', '').toUpperCase());
  const real = ['macaddress1', 'macaddress2'].flatMap((key) => vm.get(key) ?? []);
  if (macs.join() !== real.join())
    throw new Error(`cards are ${real.join()}, the seed disk says ${macs.join()}`);
  const address = cards.find(({ dhcp4 }) => !dhcp4)?.addresses?.[0]?.split('/')[0];
  if (address === undefined) throw new Error('the seed disk says no fixed address');
  return address;
}

function block({ name, address, netmask }: { name: string; address: string; netmask: string }): string {
  return [
    `Name:            ${name}`,
    'GUID:            786f6276-656e-4074-8000-0a0027000000',
    'DHCP:            Disabled',
    `IPAddress:       ${address}`,
    `NetworkMask:     ${netmask}`,
    'IPV6Address:     ',
    'IPV6NetworkMaskPrefixLength: 0',
    'HardwareAddress: 0a:00:27:00:00:00',
    'MediumType:      Ethernet',
    'Wireless:        No',
    'Status:          Up',
    `VBoxNetworkName: HostInterfaceNetworking-${name}`,
    '',
  ].join('\n');
}

const progress = '0%...10%...20%...30%...40%...50%...60%...70%...80%...90%...100%\n';

function success(): Answer {
  return { code: 0, stdout: '', stderr: '' };
}

function errorResult(text: string): Answer {
  return { code: 1, stdout: '', stderr: `VBoxManage: error: ${text}\n` };
}

function errorWithCode(text: string, code: string): Answer {
  const details = `VBoxManage: error: Details: code ${code}, component MachineWrap, interface IMachine, callee nsISupports\n`;
  return { code: 1, stdout: '', stderr: `VBoxManage: error: ${text}\n${details}` };
}

function lockedResult(name: string): Answer {
  const text = `The machine '${name}' is already locked for a session (or being unlocked)`;
  return errorWithCode(text, 'VBOX_E_INVALID_OBJECT_STATE (0x80bb0007)');
}

function failureResult(text: string): Answer {
  return errorWithCode(text, 'NS_ERROR_FAILURE (0x80004005)');
}
