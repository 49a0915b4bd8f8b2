import { connect } from 'node:net';

export interface Requests {
  /** Rounds so far. */
  rounds: number;
  /** Start times of the rounds in which no address responded. */
  unanswered: string[];
  /** Ends the loop after the last round. */
  stop(): Promise<void>;
}

const intervalMs = 100;
const timeoutMs = 2_000;

/**
 * Requests a page ten times a second, as clients do behind a load balancer that tries the next
 * server when one does not respond (nginx's default, `proxy_next_upstream`): a round fails only if
 * no address responds.
 */
export function requestContinuously(addresses: readonly string[], port: number): Requests {
  const pending = new Set<Promise<void>>();
  const result: Requests = {
    rounds: 0,
    unanswered: [],
    async stop() {
      clearInterval(timer);
      await Promise.all(pending);
    },
  };
  const round = async (): Promise<void> => {
    const began = new Date().toISOString();
    const answers = await Promise.all(addresses.map((address) => isResponding(address, port)));
    result.rounds++;
    if (!answers.includes(true)) result.unanswered.push(began);
  };
  const timer = setInterval(() => {
    const now = round().finally(() => pending.delete(now));
    pending.add(now);
  }, intervalMs);
  return result;
}

function isResponding(host: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    let text = '';
    const socket = connect({ host, port, timeout: timeoutMs }, () => socket.write('GET / HTTP/1.0\r\n\r\n'));
    const end = (): void => {
      socket.destroy();
      done(/^HTTP\/1\.[01] 200 [\s\S]*\nhello\n$/.test(text));
    };
    socket.on('data', (data) => {
      text += String(data);
    });
    for (const event of ['end', 'timeout', 'error']) socket.on(event, end);
  });
}
