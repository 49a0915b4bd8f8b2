import { UserError } from '../base/errors.js';
import { type Environment, findProgram } from '../state/environment.js';

/** The first of these programs that is installed. @throws UserError with `message` */
export async function requireProgram(
  names: readonly string[],
  environment: Environment,
  message: string,
): Promise<string> {
  for (const name of names) if (await findProgram(name, environment)) return name;
  throw new UserError(message, { hint: `install ${names[0]} with the package manager of this computer` });
}
