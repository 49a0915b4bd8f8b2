import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { ExternalError, UserError } from '../../base/errors.js';
import { Pending, poll } from '../../base/poll.js';
import type { Machine, MachineState } from '../../machines/model/machine.js';
import type { ClusterRef } from '../driver.js';
import { type RegisteredVm, readExtraData, readInfo, stateOf } from './parse-output.js';
import { isCode, type VBoxManage } from './vboxmanage.js';
import type { VirtualBoxContext } from './virtualbox-context.js';

/** Stored in a VM: its fixed address and, once it is complete, its fingerprint. */
export const extraData = { address: 'belt/address', made: 'belt/made' } as const;

export type VmInfo = ReadonlyMap<string, string>;

export async function infoOf(vbox: VBoxManage, uuid: string): Promise<VmInfo | undefined> {
  try {
    return readInfo(await vbox.onVm(uuid, ['showvminfo', uuid, '--machinereadable']));
  } catch (error) {
    if (isCode(error, 'VBOX_E_OBJECT_NOT_FOUND')) return undefined;
    throw error;
  }
}

export async function requireInfo(vbox: VBoxManage, uuid: string, name: string): Promise<VmInfo> {
  const info = await infoOf(vbox, uuid);
  if (info) return info;
  throw new UserError(`the machine ${name} no longer exists in VirtualBox`, { hint: `belt rm ${name}` });
}

export function stateIn(info: VmInfo): MachineState {
  return stateOf(info.get('VMState'));
}

export function homeOf(info: VmInfo): string {
  return dirname(info.get('CfgFile') ?? '');
}

export function memoryIn(info: VmInfo): number | undefined {
  const memory = Number(info.get('memory'));
  return Number.isInteger(memory) && memory > 0 ? memory : undefined;
}

export async function readExtra(vbox: VBoxManage, uuid: string, key: string): Promise<string | undefined> {
  try {
    return readExtraData(await vbox.run(['getextradata', uuid, key]));
  } catch (error) {
    if (isCode(error, 'VBOX_E_OBJECT_NOT_FOUND')) return undefined;
    throw error;
  }
}

/** By UUID; docker-machine recorded none, but its VMs have their machines' names. */
export function findVm(
  vms: readonly RegisteredVm[],
  { options }: Pick<VirtualBoxContext, 'options'>,
  machine: Pick<Machine, 'name' | 'id' | 'phase'>,
): RegisteredVm | undefined {
  const known = [machine.id, uuidOf(options.cluster, machine.name)];
  const own = vms.find(({ uuid }) => known.includes(uuid));
  if (own || machine.id !== undefined || machine.phase !== 'ready') return own;
  const namesakes = vms.filter(({ name }) => name === machine.name);
  return namesakes.length === 1 ? namesakes[0] : undefined;
}

export async function waitForState(
  { vbox }: Pick<VirtualBoxContext, 'vbox'>,
  { uuid, name }: RegisteredVm,
  wanted: readonly MachineState[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const check = async () => {
    const state = stateIn(await requireInfo(vbox, uuid, name));
    return wanted.includes(state) || new Pending(state);
  };
  return poll<boolean>(check, { timeoutMs, intervalMs: 500, signal, onTimeout: () => false });
}

export function timeoutError(name: string, what: string, timeoutMs: number): ExternalError {
  return new ExternalError(`${name} is not ${what} after ${timeoutMs / 1000} s`, {
    hint: `VBoxManage showvminfo ${name}`,
  });
}

/** Disks grow only. @param size mebibytes */
export async function growDisk(vbox: VBoxManage, disk: string, size: number): Promise<void> {
  const output = await vbox.run(['showmediuminfo', 'disk', disk]);
  const capacity = Number(/^Capacity:\s*(\d+) MBytes/m.exec(output)?.[1] ?? 0);
  if (capacity >= size) return;
  await vbox.run(['modifymedium', 'disk', disk, '--resizebyte', String(size * 1024 * 1024)]);
}

/** A UUID of version 5 (RFC 9562), so that a create finds the VM of an interrupted one. */
export function uuidOf({ id }: ClusterRef, name: string): string {
  const hash = createHash('sha1')
    .update(Buffer.from(id.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}

/** Group and folder. The id is part of it, as clusters of two projects may have the same name. */
export function groupOf({ id, name }: ClusterRef): string {
  return `/belt/${name}-${id.slice(0, 8)}`;
}
