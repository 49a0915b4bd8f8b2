import { randomUUID } from 'node:crypto';
import type { Client, ClientChannel } from 'ssh2';

export interface SignallableCommand {
  command: string;
  /** Never rejects, and takes at most a second. */
  deliver(channel: ClientChannel, name: string): Promise<void>;
}

/**
 * Uses the SSH signal request (RFC 4254, 6.9). OpenSSH before 9.8 ignores it in root's sessions:
 * there a second command finds the first by a mark in its environment.
 */
export function signallable(client: Client, user: string, command: string): SignallableCommand {
  if (user !== 'root' || !ignoresRootsSignals(client)) return { command, deliver: request(client) };

  const mark = randomUUID();
  return {
    command: `export BELT_COMMAND=${mark}; ${command}`,
    deliver(_channel, name) {
      return deliverBy(client, killMarked(mark, name));
    },
  };
}

/**
 * ssh2's own `signal` does nothing after the end of stdin, as in `echo x | belt docker exec -i`.
 */
function request(client: Client): SignallableCommand['deliver'] {
  return async (channel, name) => {
    const { _protocol: protocol } = client as unknown as ProtocolOwner;
    const { outgoing } = channel as unknown as { outgoing: { id: number } };
    protocol.signal(outgoing.id, name);
  };
}

function deliverBy(client: Client, command: string): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 1000).unref();
    client.exec(command, (error, channel) => {
      if (error) return resolve();
      channel.on('error', () => {}).on('close', resolve);
      channel.resume().stderr.resume();
    });
  });
}

interface ProtocolOwner {
  _protocol: { signal(channel: number, name: string): void };
  /** The software version from the server's banner. */
  _remoteVer?: string;
}

function ignoresRootsSignals(client: Client): boolean {
  const { _remoteVer: version = '' } = client as unknown as ProtocolOwner;
  const [, major, minor] = /^OpenSSH_(\d+)\.(\d+)/.exec(version) ?? [];
  return major !== undefined && Number(major) * 100 + Number(minor) < 908;
}

/** The mark is in arguments or environment. The brackets keep this command from finding itself. */
function killMarked(mark: string, name: string): string {
  return `for process in /proc/[0-9]*; do
  grep -qs 'BELT_COMMAND=[${mark.charAt(0)}]${mark.slice(1)}' "$process/cmdline" "$process/environ" || continue
  set -- $(sed 's/.*) //' "$process/stat")
  kill -${name} -- "-$3"
  exit
done`;
}
