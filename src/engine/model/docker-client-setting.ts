import { UserError } from '../../base/errors.js';

const places = ['auto', 'local', 'remote'] as const;

export interface DockerClientSetting {
  /** `auto`: the client of this computer where one is installed, else the machine's. */
  place: (typeof places)[number];
  /** Of a value that is not the default, such as `/p/.belt.yaml line 3`. */
  origin?: string;
}

/** @throws UserError for another value, with the setting's origin */
export function dockerClientSetting(
  setting: { value: string; origin: string } | undefined,
): DockerClientSetting {
  if (!setting) return { place: 'auto' };
  const place = places.find((known) => known === setting.value.toLowerCase());
  if (place) return { place, origin: setting.origin };
  throw new UserError(`${setting.origin}: docker_client must be ${listOf(places)}, not "${setting.value}"`);
}

function listOf([first, second, last]: typeof places): string {
  return `${first}, ${second} or ${last}`;
}
