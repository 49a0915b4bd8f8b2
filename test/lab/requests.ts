import { connect } from 'node:net';

/** The results of requests in a loop. */
export interface Requests {
  /** Rounds so far. */
  rounds: number;
  /** Rounds in which no address answered: when they began. */
  unanswered: string[];
  /** Ends the loop, when the last round is over. */
  stop(): Promise<void>;
}

const intervalMs = 100;
const timeoutMs = 2_000;

/**
 * Asks for a page ten times a second, as people do behind a load balancer that goes on to the next server when one does not answer (nginx does by
 * default, `proxy_next_upstream`): a round fails when no address answers in it.
 */
export function askForever(addresses: readonly string[], port: number): Requests {
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
    const answers = await Promise.all(addresses.map((address) => isAnswered(address, port)));
    result.rounds++;
    if (!answers.includes(true)) result.unanswered.push(began);
  };
  const timer = setInterval(() => {
    const now = round().finally(() => pending.delete(now));
    pending.add(now);
  }, intervalMs);
  return result;
}

function isAnswered(host: string, port: number): Promise<boolean> {
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
