import { describe, expect, test } from 'vitest';
import { checkList } from '../../../src/machines/views/doctor-checks.js';
import { formatAge, formatBytes, imageTable } from '../../../src/machines/views/image-tables.js';
import { leftoverList } from '../../../src/machines/views/leftover-list.js';
import { machineTable, statusTable } from '../../../src/machines/views/machine-tables.js';
import { swarmTable } from '../../../src/swarm/views/node-tables.js';
import { failureSummary, linePrefixes } from '../../../src/ui/failure-summary.js';
import { formatTable } from '../../../src/ui/table.js';

describe('formatTable', () => {
  test('formatTable prints upper-case headers, three spaces between columns and none at line ends', () => {
    const text = formatTable(
      ['name', 'text'],
      [
        ['a', ''],
        ['longer', 'x y'],
      ],
    );
    expect(text).toBe('NAME     TEXT\na\nlonger   x y');
  });

  test('formatTable counts two cells for wide characters and none for combining marks', () => {
    const text = formatTable(
      ['name', 'n'],
      [
        ['日本', '1'],
        ['e\u0301tat', '2'],
        ['🚀', '3'],
      ],
    );
    expect(text).toBe('NAME   N\n日本   1\ne\u0301tat   2\n🚀     3');
  });

  test('formatTable cuts the last column to the width', () => {
    expect(formatTable(['a', 'errors'], [['1', 'a rather long error']], { width: 14 })).toBe(
      'A   ERRORS\n1   a rather …',
    );
  });

  test('formatTable without rows prints the header', () => {
    expect(formatTable(['name', 'driver'], [])).toBe('NAME   DRIVER');
  });
});

describe('machines', () => {
  test('create ends with a table of machines', () => {
    const rows = [
      { name: 'node1', driver: 'nspawn', state: 'running', address: '10.88.0.11', size: '512mb' },
      { name: 'node10', driver: 'nspawn', state: 'stopped' },
    ] as const;
    expect(machineTable(rows)).toBe(
      [
        'NAME     DRIVER   STATE     IPV4         SIZE',
        'node1    nspawn   Running   10.88.0.11   512mb',
        'node10   nspawn   Stopped   -            -',
      ].join('\n'),
    );
  });

  test('status prints one row per state', () => {
    expect(statusTable([{ status: 'running', names: ['mg2', 'mg1', 'mg0'] }])).toBe(
      'STATUS    #NODES   NAMES\nRunning   3        mg2, mg1, mg0',
    );
  });
});

test('swarm ls prints one row per node', () => {
  const leader = {
    name: 'node1',
    role: 'manager',
    status: 'ready',
    availability: 'active',
    leader: true,
  };
  const other = { ...leader, name: 'node2', leader: false, reachability: 'unreachable', status: 'down' };
  const worker = { name: 'node3', role: 'worker', status: 'ready', availability: 'drain', leader: false };
  expect(swarmTable([{ ...leader, address: '10.88.0.11', engineVersion: '26.1.5' }, other, worker])).toBe(
    [
      'NODE    ROLE      STATUS   AVAILABILITY   MANAGER STATUS   ADDRESS      ENGINE',
      'node1   manager   Ready    Active         Leader           10.88.0.11   26.1.5',
      'node2   manager   Down     Active         Unreachable      -            -',
      'node3   worker    Ready    Drain          -                -            -',
    ].join('\n'),
  );
});

describe('images', () => {
  test('image ls prints one row per image', () => {
    const image = { name: 'trixie', size: 619_000_000, builtAt: '2026-01-01T00:00:00Z', machines: 4 };
    expect(imageTable([image], new Date('2026-01-04T00:00:00Z'))).toBe(
      'NAME     SIZE    BUILT        MACHINES\ntrixie   619MB   3 days ago   4',
    );
  });

  test('image ls -o wide shows ID, exact time and bytes', () => {
    const image = { name: 'trixie', id: '7', size: 619_000_000, builtAt: '2026-01-01T00:00:00Z' };
    expect(imageTable([image], new Date('2026-01-04T00:00:00Z'), { wide: true })).toBe(
      [
        'NAME     ID   SIZE    BUILT        BUILT AT               BYTES       MACHINES',
        'trixie   7    619MB   3 days ago   2026-01-01T00:00:00Z   619000000   -',
      ].join('\n'),
    );
  });

  test.each([
    [0, '0B'],
    [999, '999B'],
    [1234, '1.23kB'],
    [619_000_000, '619MB'],
    [1_240_000_000, '1.24GB'],
    [5e15, '5000TB'],
  ])('formatBytes prints %d as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test.each([
    ['2026-01-03T23:59:30Z', 'just now'],
    ['2026-01-03T23:59:00Z', '1 minute ago'],
    ['2026-01-03T22:00:00Z', '2 hours ago'],
    ['2025-12-01T00:00:00Z', '1 month ago'],
    ['2020-01-01T00:00:00Z', '6 years ago'],
    ['never', '-'],
  ])('formatAge prints the age of %s as %s', (timestamp, text) =>
    expect(formatAge(timestamp, new Date('2026-01-04T00:00:00Z'))).toBe(text),
  );
});

describe('doctor', () => {
  const root = { name: 'root', ok: true, detail: 'running as root' };
  const nspawn = { name: 'systemd-nspawn', ok: false, detail: 'not installed', fixable: true };
  const machined = {
    name: 'machined',
    ok: false,
    detail: 'not running:\nmachinectl will not show machines',
    optional: true,
  };

  test('doctor lists failed checks', () => {
    expect(checkList('nspawn', [root, nspawn, machined], { color: false })).toBe(
      [
        'nspawn',
        '  ✓ root            running as root',
        '  ✗ systemd-nspawn  not installed',
        '  ! machined        not running: machinectl will not show machines',
        'nspawn: not ready, 1 requirement missing: run "belt doctor --fix"',
      ].join('\n'),
    );
  });

  test.each([
    [[root], 'nspawn: ready'],
    [[root, machined], 'nspawn: ready with 1 warning'],
    [
      [{ ...nspawn, fixable: false }, nspawn],
      'nspawn: not ready, 2 requirements missing: run "belt doctor --fix"',
    ],
  ])('doctor prints the summary %#', (checks, summary) => {
    expect(checkList('nspawn', checks, { color: false }).split('\n').at(-1)).toBe(summary);
  });
});

describe('fan-out', () => {
  test('linePrefixes pads the prefixes of several machines and omits that of a single one', () => {
    expect([...linePrefixes(['node1', 'node10'], { color: false })]).toEqual([
      ['node1', 'node1:  '],
      ['node10', 'node10: '],
    ]);
    expect([...linePrefixes(['node1'], { color: true })]).toEqual([['node1', '']]);
  });

  test('failureSummary lists failed machines with reasons, and skipped ones', () => {
    const failed = [
      { name: 'node2', reason: 'exit code 3' },
      { name: 'node3', reason: 'lost:\nreset by peer' },
    ];
    expect(failureSummary(4, failed, ['node4'], { color: false })).toBe(
      [
        '2 of 4 failed, 1 skipped',
        '  ✗ node2: exit code 3',
        '  ✗ node3: lost:\n    reset by peer',
        '  - skipped: node4',
      ].join('\n'),
    );
    expect(failureSummary(4, [], [], { color: false })).toBe('');
  });
});

test('gc reports no orphaned machines only if every provider responded', () => {
  const unknown = 'ec2 could not be queried: orphaned machines there are not listed';
  const stray = { name: 'node1', driver: 'nspawn', addresses: {} };
  expect(leftoverList({ strays: [], gone: [], files: [], notAsked: [] })).toBe('No orphaned machines found');
  expect(leftoverList({ strays: [], gone: [], files: [], notAsked: ['ec2'] })).toBe(unknown);
  expect(leftoverList({ strays: [stray], gone: [], files: [], notAsked: ['ec2'] }).split('\n')).toEqual([
    expect.stringMatching(/^NAME /),
    expect.stringMatching(/^node1 .*machine without a record$/),
    unknown,
  ]);
});
