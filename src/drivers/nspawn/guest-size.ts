import { totalmem } from 'node:os';
import { UserError } from '../../base/errors.js';
import { formatMemory, parseSize } from '../../machines/model/sizes.js';

export const defaultSize = '1gb';

/** systemd, sshd and an engine without containers take about 150 MB. */
const leastMemoryMb = 256;

/**
 * The memory for a size, in mebibytes.
 * @throws UserError when it is not an amount of memory, too little, or more than the computer has.
 */
export function memoryOf(size = defaultSize): number {
  const memory = parseSize(size)?.memoryMb;
  if (memory === undefined) {
    throw new UserError(`"${size}" is not a size for nspawn`, {
      hint: 'use an amount of memory: 512mb, 2gb, 1.5gb',
    });
  }
  if (memory < leastMemoryMb) {
    throw new UserError(`${size} is not enough memory for an engine`, {
      hint: `at least ${formatMemory(leastMemoryMb)}`,
    });
  }
  const available = Math.floor(totalmem() / 1024 / 1024);
  if (memory <= available) return memory;
  throw new UserError(`${size} is more than this computer's memory`, { hint: `at most ${available}mb` });
}
