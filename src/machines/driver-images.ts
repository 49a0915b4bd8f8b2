import type { Context } from '../app/context.js';
import { UserError } from '../base/errors.js';
import type { Image, ImageStore } from '../drivers/driver.js';

export type { Image };

/** @throws UserError for a driver without an image store */
export async function imageStoreOf(driverName: string, context: Context): Promise<ImageStore> {
  const { images } = await context.driver(driverName);
  if (!images) throw new UserError(`${driverName} does not store images on this computer`);
  return images;
}

interface BuildInput {
  /** Default: the driver's default image. */
  name?: string;
  rebuild: boolean;
}

/** Does nothing when the image exists, unless `rebuild`. */
export function buildImage(
  { name, rebuild }: BuildInput,
  images: ImageStore,
  context: Context,
): Promise<Image> {
  const [preferred = ''] = images.available();
  const wanted = name ?? preferred;
  return context.reporter.stage(wanted, (stage) =>
    images.build(wanted, { rebuild }, (step, fraction) => stage.step(step, fraction), context.signal),
  );
}
