import { UserError } from '../../base/errors.js';
import { type KeyType, keyTypes } from './certificate-terms.js';

export { type KeyType, keyTypes };

/** docker-machine's. */
const defaultKeyType: KeyType = 'rsa2048';

/** @throws UserError for an unknown type, with the setting's origin */
export function keyTypeOf(setting: { value: string; origin: string } | undefined): KeyType {
  if (!setting) return defaultKeyType;
  const keyType = keyTypes.find((type) => type === setting.value);
  if (keyType) return keyType;
  throw new UserError(`${setting.origin}: unknown key type "${setting.value}"`, {
    hint: `use one of: ${keyTypes.join(', ')}`,
  });
}
