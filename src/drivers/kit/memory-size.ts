import { totalmem } from 'node:os';
import { UserError } from '../../base/errors.js';
import { formatMemory, parseSize } from '../../machines/model/sizes.js';
import type { MachineSize } from '../driver.js';

/** An engine without containers uses about 150 MB; booting needs more. */
export const minMemoryMb = 256;

/** In mebibytes. @throws UserError when it is not an amount of memory, or too little */
export function memoryForSize(size: string, driver: string): number {
  const memory = parseSize(size)?.memoryMb;
  if (memory === undefined)
    throw new UserError(`"${size}" is not a size for ${driver}`, {
      hint: 'use an amount of memory: 512mb, 2gb, 1.5gb',
    });
  if (memory >= minMemoryMb) return memory;
  throw new UserError(`${size} is not enough memory for an engine`, {
    hint: `use at least ${formatMemory(minMemoryMb)}`,
  });
}

/** Powers of two, up to this computer's memory. Every other amount is a size too. */
export function memorySizes(largest = computerMemory()): MachineSize[] {
  const sizes: MachineSize[] = [];
  for (let memory = minMemoryMb; memory <= largest; memory *= 2)
    sizes.push({ name: formatMemory(memory), memory });
  return sizes;
}

function computerMemory(): number {
  return Math.floor(totalmem() / 1024 / 1024);
}

export function requireMemory(memory: number, size = `${memory}mb`): void {
  const available = computerMemory();
  if (memory <= available) return;
  throw new UserError(`${size} is more than this computer's memory`, { hint: `use at most ${available}mb` });
}
