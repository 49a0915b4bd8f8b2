import type { CreateRequest } from '../driver.js';
import { boolean } from './define-settings.js';

export const engineAtFirstBoot = boolean({
  summary: 'Install the engine during the first boot, instead of over SSH',
  default: false,
});

/** @see https://docs.cloud-init.io/en/latest/reference/modules.html#runcmd */
export function firstBootCommands(
  requests: readonly CreateRequest[],
  { engineAtFirstBoot: wanted = false }: { engineAtFirstBoot?: boolean },
): string[][] {
  const installer = wanted ? requests[0]?.installEngine : undefined;
  return installer === undefined ? [] : [['/bin/sh', '-c', installer]];
}

/** As a line of cloud-config, empty without commands. JSON is YAML. */
export function runcmdLine(...args: Parameters<typeof firstBootCommands>): string {
  const commands = firstBootCommands(...args);
  return commands.length === 0 ? '' : `runcmd: ${JSON.stringify(commands)}`;
}
