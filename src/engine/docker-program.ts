/**
 * The beginning of a shell line that runs docker with the words that follow. A user who is not root may not be in the group
 * `docker`: sudo then opens the socket, as far as it asks for no password.
 */
export function dockerProgram(user: string): string {
  if (user === 'root') return 'exec docker';
  const line = 's=; [ -w /var/run/docker.sock ] || s="sudo -n"; exec $s docker "$@"';
  return `exec /bin/sh -c '${line}' docker`;
}
