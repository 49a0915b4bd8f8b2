import type { Context } from '../app/context.js';
import { UserError } from '../base/errors.js';
import type { Image, ImageStore } from '../drivers/driver.js';

export type { Image };

/** The driver's image store. @throws UserError for a driver that keeps no images of its own */
export async function imageStoreOf(driverName: string, context: Context): Promise<ImageStore> {
  const { images } = await context.driver(driverName);
  if (!images) throw new UserError(`${driverName} does not store images on this computer`);
  return images;
}

export interface BuildInput {
  /** Default: the driver's default image. */
  name?: string;
  /** Build it again if it exists. */
  rebuild: boolean;
}

/** Builds an image unless it is there. */
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
