import { UserError } from '../../base/errors.js';
import { type KeyType, keyTypes } from './certificate-terms.js';

export { type KeyType, keyTypes };

/** What docker-machine made, and every Docker reads. */
const defaultKeyType: KeyType = 'rsa2048';

/** @throws UserError for a type that is none, saying where it stands */
export function keyTypeOf(setting: { value: string; origin: string } | undefined): KeyType {
  if (!setting) return defaultKeyType;
  const found = keyTypes.find((type) => type === setting.value);
  if (found) return found;
  throw new UserError(`${setting.origin}: unknown key type "${setting.value}"`, {
    hint: `use one of: ${keyTypes.join(', ')}`,
  });
}
