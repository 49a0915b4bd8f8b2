import type { MachineChange } from '../drivers/driver.js';
import type { Machine } from './model/machine.js';

/** The record with a change that the driver reported. The state is not recorded: the provider is queried for it. */
export function applyChange(
  machine: Machine,
  { id, addresses, ssh, memory, size, driverData }: MachineChange,
): Machine {
  return {
    ...machine,
    ...(id !== undefined && { id }),
    ...(addresses !== undefined && { addresses }),
    ...(ssh !== undefined && { ssh: { ...machine.ssh, ...ssh } }),
    ...(memory !== undefined && { memory }),
    ...(size !== undefined && { size }),
    ...(driverData !== undefined && { driverData: { ...machine.driverData, ...driverData } }),
  };
}
