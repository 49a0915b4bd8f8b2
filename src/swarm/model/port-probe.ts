import { byNaturalOrder } from '../../base/natural-order.js';

/** Output of `templates/swarm/reach.sh`. */
export interface ProbeReport {
  /** In seconds since 1970. */
  clock?: number;
  ports: PortCheck[];
  paths: MtuCheck[];
}

interface PortCheck {
  protocol: 'tcp' | 'udp';
  host: string;
  port: number;
  /** `open`, `refused`, `unreachable`, `silent`, `unknown`. */
  result: string;
}

interface MtuCheck {
  host: string;
  device: string;
  mtu: number;
  /** `whole`, `lost`, `unknown`. */
  result: string;
}

interface ProbedManager {
  name: string;
  report: ProbeReport;
}

export function parseProbeReport(text: string): ProbeReport {
  const reach: ProbeReport = { ports: [], paths: [] };
  for (const line of text.split('\n')) {
    const [kind, host = '', third = '', fourth = '', fifth = ''] = line.trim().split(' ');
    if (kind === 'clock' && /^\d+$/.test(host)) reach.clock = Number(host);
    if (kind === 'tcp' || kind === 'udp')
      reach.ports.push({ protocol: kind, host, port: Number(third), result: fourth });
    if (kind === 'mtu') reach.paths.push({ host, device: third, mtu: Number(fourth), result: fifth });
  }
  return reach;
}

/** Unknown counts as yes. */
export function canJoinAt({ ports }: ProbeReport, host: string): boolean {
  const port = ports.find((candidate) => isJoinPort(candidate) && candidate.host === host);
  return port === undefined || port.result === 'open' || port.result === 'unknown';
}

function isJoinPort({ protocol, port }: PortCheck): boolean {
  return protocol === 'tcp' && port === 2377;
}

const results: Readonly<Record<string, string>> = {
  refused: 'refused',
  unreachable: 'no route to host',
  silent: 'timed out',
};

/** TLS tolerates no more. */
const clockToleranceSeconds = 30;

/** The most likely problem first. */
export function findJoinProblems(name: string, reach: ProbeReport, manager?: ProbedManager): string[] {
  return [
    ...reach.ports
      .filter(isClosed)
      .toSorted(compareImportance)
      .map((port) => portText(name, port)),
    ...clockFindings(name, reach, manager),
    ...mtuFindings(name, reach, manager),
  ];
}

/** Nothing may listen on the data path port yet, so it may refuse. */
function isClosed({ protocol, port, result }: PortCheck): boolean {
  return result in results && !(protocol === 'udp' && port === 4789 && result === 'refused');
}

/** A join needs 2377, the lowest port. */
function compareImportance(one: PortCheck, other: PortCheck): number {
  return one.port - other.port || byNaturalOrder(one.host, other.host);
}

function portText(name: string, { protocol, host, port, result }: PortCheck): string {
  return `${name} cannot reach ${host.includes(':') ? `[${host}]` : host}:${port} (${protocol}): ${results[result]}`;
}

function clockFindings(name: string, { clock }: ProbeReport, manager?: ProbedManager): string[] {
  if (clock === undefined || manager?.report.clock === undefined) return [];
  const difference = Math.abs(clock - manager.report.clock);
  return difference > clockToleranceSeconds
    ? [`the clocks of ${name} and ${manager.name} are ${difference} s apart`]
    : [];
}

function mtuFindings(name: string, { paths }: ProbeReport, manager?: ProbedManager): string[] {
  const texts = paths.flatMap(({ host, device, mtu, result }) => {
    if (result === 'lost')
      return [`packets of ${mtu} bytes (the MTU of ${device} on ${name}) do not reach ${host}`];
    const back = manager?.report.paths[0];
    if (result === 'whole' || !back || back.mtu === mtu) return [];
    return [`${device} on ${name} has an MTU of ${mtu}, ${back.device} on ${manager.name} of ${back.mtu}`];
  });
  return [...new Set(texts)];
}
