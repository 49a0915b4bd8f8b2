/**
 * What belt adds to docker's own swarm commands before it sends them.
 */

/**
 * Completes `docker swarm init` and `docker swarm join` with the machine's own address. Docker itself refuses on a machine with
 * several addresses ("could not choose an IP address to advertise"), and guesses on others. Any other command line, and one
 * that already has the option, comes back as it is.
 * @param args what follows `docker`
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
