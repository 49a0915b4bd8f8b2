import { run } from './host-program.js';

interface NatRule {
  table: string;
  chain: string;
  match: string[];
}

/** Does nothing if exactly these rules exist; leaves all other rules. */
export async function ensureNat(bridge: string, range: string): Promise<void> {
  const wanted = natRules(bridge, range);
  const lines = (await run('iptables-save', []))
    .split('\n')
    .filter((line) => commentOf(line)?.startsWith(`belt:${bridge}:`));
  const present = wanted.every((rule) => lines.some((line) => commentOf(line) === comment(rule)));
  if (present && lines.length === wanted.length) return;
  await removeNat(bridge);
  for (const { table, chain, match } of wanted) {
    await run('iptables', ['--wait', '10', '-t', table, '-I', chain, ...match]);
  }
}

export async function removeNat(bridge: string): Promise<void> {
  for (const [table, line] of tableLines(await run('iptables-save', []))) {
    if (!commentOf(line)?.startsWith(`belt:${bridge}:`)) continue;
    const [, chain = '', ...match] = line.split(' ').map((word) => word.replaceAll('"', ''));
    await run('iptables', ['--wait', '10', '-t', table, '-D', chain, ...match]);
  }
}

/**
 * Allows outgoing connections and their replies. Inserted first, because Docker and firewalls end
 * with a refusal. `-i BRIDGE` also covers traffic between machines (br_netfilter).
 */
function natRules(bridge: string, range: string): NatRule[] {
  const tagged = (name: string) => ['-m', 'comment', '--comment', `belt:${bridge}:${range}:${name}`];
  const replies = ['-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED'];
  return [
    {
      table: 'nat',
      chain: 'POSTROUTING',
      match: ['-s', range, '!', '-d', range, ...tagged('masquerade'), '-j', 'MASQUERADE'],
    },
    { table: 'filter', chain: 'FORWARD', match: ['-i', bridge, ...tagged('out'), '-j', 'ACCEPT'] },
    {
      table: 'filter',
      chain: 'FORWARD',
      match: ['-o', bridge, ...replies, ...tagged('back'), '-j', 'ACCEPT'],
    },
  ];
}

function comment({ match }: NatRule): string | undefined {
  return match[match.indexOf('--comment') + 1];
}

function commentOf(line: string): string | undefined {
  return /--comment "?([^\s"]+)"?/.exec(line)?.[1];
}

/** iptables-save prints `*table`, then its rules as `-A CHAIN ...`. */
function* tableLines(saved: string): Generator<[table: string, line: string]> {
  let table = '';
  for (const line of saved.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    if (line.startsWith('-A ')) yield [table, line];
  }
}
