import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TaskDocument } from '../../../../src/engine/model/api-documents.js';
import { readSample, type StatsSample, usageBetween } from '../../../../src/swarm/model/container-stats.js';
import { findTasks, readNamedTasks } from '../../../../src/swarm/model/find-task.js';
import { statsTable } from '../../../../src/swarm/views/stats-table.js';
import { LiveTable } from '../../../../src/ui/live-table.js';

function task(id: string, more: Partial<TaskDocument> = {}): TaskDocument {
  const Status = { State: 'running', ContainerStatus: { ContainerID: `c-${id}` } };
  return {
    ID: id,
    ServiceID: 's1',
    Slot: 1,
    NodeID: 'n1',
    CreatedAt: '2026-01-01T00:00:00Z',
    Status,
    ...more,
  };
}

const services = [
  { ID: 's1', Spec: { Name: 'web' } },
  { ID: 's2', Spec: { Name: 'everywhere' } },
];
const tasks = readNamedTasks(
  [
    task('abc1', { Status: { State: 'failed', Err: 'no such image' } }),
    task('abd2', { CreatedAt: '2026-01-02T00:00:00Z' }),
    task('xyz3', { Slot: 2 }),
    task('glo4', { ServiceID: 's2', Slot: undefined, NodeID: 'n7' }),
    task('old5', { Slot: 3, Status: { State: 'shutdown' } }),
    task('new6', {
      Slot: 3,
      CreatedAt: '2026-01-03T00:00:00Z',
      Status: { State: 'pending', Message: 'no node' },
    }),
  ],
  services,
);

describe('findTasks', () => {
  test.each([
    ['web.1', ['abd2']],
    ['web.2', ['xyz3']],
    ['web.3', ['new6']],
    ['everywhere.n7', ['glo4']],
    ['xyz', ['xyz3']],
    ['abc1', ['abc1']],
    ['web', ['abd2', 'xyz3']],
  ])('findTasks finds %s as %j', (wanted, ids) => {
    expect(findTasks(wanted, tasks).map(({ id }) => id)).toEqual(ids);
  });

  test('findTasks returns the container of a task, or the reason why it has none', () => {
    expect(findTasks('web.2', tasks)[0]).toMatchObject({
      name: 'web.2',
      service: 'web',
      containerId: 'c-xyz3',
    });
    expect(findTasks('web.3', tasks)[0]).toMatchObject({
      containerId: '',
      state: 'pending',
      reason: 'no node',
    });
  });

  test('findTasks refuses an ambiguous ID and suggests a name for an unknown one', () => {
    expect(() => findTasks('ab', tasks)).toThrow('multiple IDs found with provided prefix: ab');
    expect(() => findTasks('wep', tasks)).toThrow(
      expect.objectContaining({ message: 'no such task or service: wep', hint: 'did you mean "web"?' }),
    );
    expect(() => findTasks('', tasks)).toThrow('no such task or service: ');
  });
});

describe('container stats', () => {
  const document = {
    read: '2026-01-01T00:00:00Z',
    cpu_stats: { cpu_usage: { total_usage: 500 }, system_cpu_usage: 4_000, online_cpus: 4 },
    memory_stats: { usage: 1_000, limit: 9_000, stats: { inactive_file: 300 } },
    networks: { eth0: { rx_bytes: 1, tx_bytes: 2 }, eth1: { rx_bytes: 10, tx_bytes: 20 } },
    pids_stats: { current: 3 },
  };

  test('readSample computes memory without cache and sums networks, as docker does', () => {
    expect(readSample(document)).toEqual({
      cpu: 500,
      system: 4_000,
      cpus: 4,
      memory: 700,
      memoryLimit: 9_000,
      received: 11,
      sent: 22,
      pids: 3,
    });
    expect(readSample({})).toMatchObject({ cpu: 0, cpus: 1, memory: 0 });
  });

  test('usageBetween returns the percentage of one CPU', () => {
    const before = readSample(document);
    const after: StatsSample = { ...before, cpu: 1_500, system: 8_000 };
    expect(usageBetween(before, after).cpuPercent).toBe(100);
    expect(usageBetween(after, before).cpuPercent).toBe(0);
  });

  test('property: usageBetween never returns NaN or a negative percentage', () => {
    const count = fc.maxSafeNat();
    const stats = fc.record(
      {
        cpu_stats: fc.record(
          { cpu_usage: fc.record({ total_usage: count }), system_cpu_usage: count, online_cpus: count },
          { requiredKeys: [] },
        ),
        memory_stats: fc.record(
          { usage: count, limit: count, stats: fc.record({ inactive_file: count }) },
          { requiredKeys: [] },
        ),
        networks: fc.dictionary(fc.string(), fc.record({ rx_bytes: count, tx_bytes: count })),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(stats, stats, (one, other) => {
        const usage = usageBetween(readSample(one), readSample(other));
        for (const value of Object.values(usage)) expect(Number.isNaN(value)).toBe(false);
        expect(usage.cpuPercent).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  test('statsTable shows an error in place of values', () => {
    const used = { cpuPercent: 12.345, memory: 5_000_000, memoryLimit: 0, received: 1_460, sent: 0, pids: 2 };
    const rows = [
      { task: 'web.1', node: 'node1', ...used },
      { task: 'web.2', node: 'node2', error: 'no response\nwithin 10 s' },
    ];
    expect(statsTable(rows)).toBe(
      [
        'TASK    NODE    CPU %    MEMORY   LIMIT   NET IN   NET OUT   PIDS   ERROR',
        'web.1   node1   12.35%   5MB      -       1.46kB   0B        2',
        'web.2   node2   -        -        -       -        -         -      no response within 10 s',
      ].join('\n'),
    );
  });
});

test('LiveTable overwrites the previous text and truncates it to the terminal', () => {
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { columns: 10, rows: 4 });
  const area = new LiveTable(stream);
  area.draw('a\nb');
  area.draw('a rather long line\nb\nc\nd\ne');
  expect(stream.read()).toBe(
    '\ra\x1b[K\nb\x1b[K\n\x1b[J' + '\r\x1b[2Aa rather …\x1b[K\nb\x1b[K\n... 3 more\x1b[K\n\x1b[J',
  );
});
