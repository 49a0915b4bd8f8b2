import { plural } from '../../base/plural.js';
import { foldNames } from '../../machines/model/fold-names.js';
import { joinLines } from '../../ui/safe-text.js';
import { capitalize, formatTable } from '../../ui/table.js';
import { widthOf, wrap } from '../../ui/text-width.js';
import { toleranceText } from '../model/swarm-overview.js';

interface SwarmStatusRows {
  id?: string;
  quorum: boolean;
  managers: {
    total: number;
    reachable: number;
    needed: number;
    tolerance: number;
    leader?: string;
    nodes: readonly {
      name: string;
      status: string;
      availability: string;
      reachability: string;
      leader: boolean;
      place?: string;
    }[];
  };
  groups: readonly { role: string; status: string; availability: string; names: readonly string[] }[];
  places: readonly { name: string; managers: readonly string[]; workers: number }[];
  certificates?: {
    validDays: number;
    soonest?: { name: string; expires: string; daysLeft: number };
    authorityExpires?: string;
    unanswered: readonly string[];
  };
  machines: readonly { name: string; state: string; swarm?: string; error?: string }[];
  warnings: readonly string[];
}

/** @param width in cells; default: unlimited */
export function swarmStatusView(status: SwarmStatusRows, width = Number.POSITIVE_INFINITY): string {
  const paragraphs = [
    joinLines([headline(status)]),
    managerTable(status),
    groupTable(status, width),
    placeTable(status, width),
    ownTable(status, width),
    certificateLines(status),
    joinLines(status.warnings.map((warning) => `Warning: ${warning}`)),
  ];
  return paragraphs
    .filter((text) => text !== '')
    .map((text) =>
      text
        .split('\n')
        .flatMap((line) => wrap(line, width))
        .join('\n'),
    )
    .join('\n\n');
}

function headline({ id, quorum, managers }: SwarmStatusRows): string {
  const { total, reachable, needed, tolerance, leader } = managers;
  const name = id === undefined ? 'The swarm' : `Swarm ${id}`;
  if (!quorum)
    return `${name} has no quorum: ${reachable} of ${plural(total, 'manager')} reachable, ${needed} needed.`;
  return `${name} has a quorum: ${reachable} of ${plural(total, 'manager')} reachable, ${needed} needed; it ${toleranceText(tolerance)}. Leader: ${leader ?? '-'}`;
}

function managerTable({ managers: { nodes } }: SwarmStatusRows): string {
  if (nodes.length === 0) return '';
  return formatTable(
    ['manager', 'status', 'availability', 'manager status', 'place'],
    nodes.map(({ name, status, availability, leader, reachability, place }) => [
      name,
      capitalize(status),
      capitalize(availability),
      leader && reachability === 'reachable' ? 'Leader' : capitalize(reachability),
      place ?? '-',
    ]),
  );
}

function groupTable({ groups }: SwarmStatusRows, width: number): string {
  if (groups.length === 0) return '';
  const rows = groups.map(({ role, status, availability, names }) => ({
    cells: [role, capitalize(status), capitalize(availability), String(names.length)],
    names,
  }));
  return tableOfNames(['role', 'status', 'availability', 'nodes', 'names'], rows, width);
}

function placeTable({ places }: SwarmStatusRows, width: number): string {
  if (places.length === 0) return '';
  const rows = places.map(({ name, managers, workers }) => ({
    cells: [name, String(workers), String(managers.length)],
    names: managers,
  }));
  return tableOfNames(['place', 'workers', 'managers', 'names'], rows, width);
}

function ownTable({ machines }: SwarmStatusRows, width: number): string {
  if (machines.length === 0) return '';
  return formatTable(
    ['machine', 'state', 'swarm', 'error'],
    machines.map(({ name, state, swarm, error }) => [name, capitalize(state), swarm ?? '-', error ?? '']),
    Number.isFinite(width) ? { width } : {},
  );
}

/** Names go into the last column, folded and wrapped. */
function tableOfNames(
  columns: readonly string[],
  rows: readonly { cells: readonly string[]; names: readonly string[] }[],
  width: number,
): string {
  const before = formatTable(
    columns.slice(0, -1),
    rows.map(({ cells }) => cells),
  );
  const available = Math.max(20, width - Math.max(...before.split('\n').map(widthOf)) - 3);
  return formatTable(
    columns,
    rows.flatMap(({ cells, names }) =>
      breakAtCommas(foldNames(names).join(', '), available).map((line, index) => [
        ...cells.map((cell) => (index === 0 ? cell : '')),
        line,
      ]),
    ),
  );
}

function breakAtCommas(text: string, width: number): string[] {
  const lines: string[] = [''];
  for (const part of text.split(/(?<=,)/)) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && widthOf(line + part) > width) lines.push(part.trimStart());
    else lines[lines.length - 1] = line + part;
  }
  return lines;
}

function certificateLines({ certificates }: SwarmStatusRows): string {
  if (!certificates) return '';
  const { soonest, validDays, authorityExpires, unanswered } = certificates;
  const first = soonest
    ? `; the first expires ${soonest.expires.slice(0, 10)}, in ${plural(soonest.daysLeft, 'day')} (${soonest.name})`
    : '';
  const lines = [
    `Node certificates are valid for ${plural(validDays, 'day')} and renew automatically${first}.`,
  ];
  if (authorityExpires !== undefined) lines.push(`The swarm CA expires ${authorityExpires.slice(0, 10)}.`);
  if (unanswered.length > 0)
    lines.push(
      `Certificates of nodes that did not respond are not included: ${foldNames(unanswered).join(', ')}`,
    );
  return joinLines(lines);
}
