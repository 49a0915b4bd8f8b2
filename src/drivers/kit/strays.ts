import { UserError } from '../../base/errors.js';
import type { MachineWish } from '../driver.js';

/**
 * Refuses to create a machine whose name the provider already has in this cluster, unless an
 * earlier create began it: a stray has another host key, and possibly data.
 * @param isBegun whether the record shows an earlier, interrupted create
 * @param object what the provider calls a machine, with its article and the provider: `EC2 has an
 *   instance`
 * @throws UserError
 */
export function refuseStrays(
  wishes: readonly MachineWish[],
  names: ReadonlySet<string>,
  isBegun: (wish: MachineWish) => boolean,
  { found, driver }: { found: string; driver: string },
): void {
  const stray = wishes.find((wish) => names.has(wish.name) && !isBegun(wish));
  if (!stray) return;
  throw new UserError(`${found} ${stray.name} of this cluster that no record knows`, {
    hint: `look at it and remove it with "belt gc -d ${driver}", or choose another name`,
  });
}
