/**
 * Adds the address to `docker swarm init` and `docker swarm join`. Docker refuses to choose one on
 * a machine with several ("could not choose an IP address to advertise"), or guesses.
 * @param args after `docker`
 */
export function withAdvertiseAddress(args: readonly string[], address: string): string[] {
  const at = findSwarmVerb(args);
  if (at === undefined) return [...args];
  const options = args.slice(at + 1);
  if (options.some(isAdvertiseOrHelp)) return [...args];
  return [...args.slice(0, at + 1), '--advertise-addr', address, ...options];
}

function findSwarmVerb(args: readonly string[]): number | undefined {
  if (args[0] !== 'swarm') return undefined;
  return args[1] === 'init' || args[1] === 'join' ? 1 : undefined;
}

function isAdvertiseOrHelp(option: string): boolean {
  return (
    option === '--advertise-addr' ||
    option.startsWith('--advertise-addr=') ||
    option === '--help' ||
    option === '-h'
  );
}
