import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ExternalError, UsageError } from '../../../../src/base/errors.js';
import { defaultEngineSettings } from '../../../../src/engine/model/engine-settings.js';
import { listMachineStates, type MachineStateRow } from '../../../../src/machines/list-states.js';
import { parseFilters } from '../../../../src/machines/machine-filter.js';
import type { Machine } from '../../../../src/machines/model/machine.js';
import { recordedOptions } from '../../../../src/machines/select-machines.js';
import {
  changedLines,
  formatMachines,
  machineList,
  needsEngines,
} from '../../../../src/machines/views/machine-list.js';
import { MemoryDriver } from '../../support/memory-driver.js';
import { openTestBed, type TestBed } from '../../support/test-bed.js';

const running: MachineStateRow = {
  name: 'node1',
  driver: 'nspawn',
  state: 'running',
  active: true,
  url: 'tcp://10.0.0.1:2376',
  docker: '26.1.5',
  swarm: 'manager',
  labels: ['zone=a'],
  responseMs: 4,
};
const broken: MachineStateRow = {
  name: 'node10',
  driver: 'generic',
  state: 'timeout',
  active: false,
  labels: [],
  error: 'no response\nwithin 10 s',
  responseMs: 10_000,
};

describe('ls', () => {
  test('ls --watch prints headers and all rows first, then changed rows and removed machines', () => {
    const first = changedLines(undefined, [running, broken]);
    expect(first.map((line) => line.split(' ')[0])).toEqual(['NAME', 'node1', 'node10']);
    const rows: MachineStateRow[] = [
      { ...running, state: 'stopped' },
      { ...broken, responseMs: 1 },
    ];
    expect(changedLines([running, broken], rows).map((line) => line.split(' ')[0])).toEqual(['node1']);
    expect(changedLines(rows, rows)).toEqual([]);
    expect(changedLines(rows, rows.slice(0, 1))).toEqual(['node10 was removed']);
  });

  test("ls prints docker-machine's columns", () => {
    expect(machineList([running, broken])).toBe(
      [
        'NAME     ACTIVE   DRIVER    STATE     URL                   SWARM     DOCKER    ERRORS',
        'node1    *        nspawn    Running   tcp://10.0.0.1:2376   manager   v26.1.5',
        'node10   -        generic   Timeout                                   Unknown   no response within 10 s',
      ].join('\n'),
    );
    expect(machineList([])).toBe('NAME   ACTIVE   DRIVER   STATE   URL   SWARM   DOCKER   ERRORS');
  });

  test('ls fits a terminal, without the columns that matter least, and colors what is wrong', () => {
    const row = { ...running, docker: '26.1.5+dfsg1', url: 'tcp://10.209.110.11:2376' };
    expect(machineList([row], { width: 80 }).split('\n')[0]).toBe(
      'NAME    ACTIVE   DRIVER   STATE     URL                        SWARM',
    );
    for (const width of [40, 60, 80, 100, 120]) {
      const lines = machineList([row, broken], { width }).split('\n');
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
    }
    expect(machineList([broken], { color: true })).toContain('\u001b[31mTimeout\u001b[39m   ');
    expect(machineList([running], { color: true })).not.toContain('\u001b');
  });

  test("ls supports docker-machine's formats", () => {
    expect(formatMachines('{{.Name}}: {{.DriverName}} - {{.ResponseTime}}', [running, broken])).toBe(
      'node1: nspawn - 4ms\nnode10: generic - 10000ms',
    );
    expect(formatMachines(String.raw`table {{.Name}}\t{{.State}}\t{{.Active}}`, [running, broken])).toBe(
      'NAME     STATE     ACTIVE\nnode1    Running   *\nnode10   Timeout   -',
    );
    expect(formatMachines('{{range .EngineOptions.Labels}}{{.}}{{end}}', [running])).toBe('zone=a');
    expect(formatMachines('table {{.Name}}', [])).toBe('NAME');
    expect(() => formatMachines('{{.Nam}}', [running])).toThrow(
      "can't evaluate field Nam; there are Name, Active",
    );
  });

  test('ls formats include recorded engine and swarm options', async () => {
    const bed = await openTestBed();
    await bed.running('node1');
    const options = await recordedOptions(['node1', 'node10'], bed.context);
    const format =
      '{{.EngineOptions.Ipv6}} {{.EngineOptions.Labels}} {{.SwarmOptions.Discovery}}{{.SwarmOptions.Master}}';
    expect(formatMachines(format, [running, broken], options)).toBe(
      'false [zone=a] true\n<no value> [] <no value>false',
    );
    await bed.close();
  });

  test.each([
    ['{{.EngineOptions.InstallURL}}', false],
    ['{{.Name}} {{.URL}}', false],
    ['table {{.Name}}\t{{ .State }}', false],
    ['{{.Name}} {{.DockerVersion}}', true],
    ['{{json .}}', true],
    ['{{if .Swarm}}x{{end}}', true],
  ])('the format %s needs the engines: %s', (format, expected) => {
    expect(needsEngines(format)).toBe(expected);
  });
});

describe('--filter', () => {
  const machine = (name: string, driver: string, labels: string[] = []) => ({
    name,
    driver,
    phase: 'ready' as const,
    addresses: {},
    ssh: { user: 'root', port: 22 },
    engine: { ...defaultEngineSettings, labels },
    driverData: {},
    createdAt: '',
  });
  const machines = [
    machine('web1', 'nspawn', ['zone=a']),
    machine('web2', 'generic'),
    machine('db', 'generic'),
  ];

  test.each([
    [[], 'web1 web2 db'],
    [['name=web'], 'web1 web2'],
    [['name=^.b$'], 'db'],
    [['driver=GENERIC'], 'web2 db'],
    [['driver=generic', 'name=web'], 'web2'],
    [['name=1', 'name=db'], 'web1 db'],
    [['label=zone=a'], 'web1'],
    [['Label=zone=b'], ''],
  ])('the filters %j select %s', (filters, expected) => {
    const { recorded } = parseFilters(filters);
    expect(
      machines
        .filter(recorded)
        .map(({ name }) => name)
        .join(' '),
    ).toBe(expected);
  });

  test("state and swarm are filtered by the machines' responses", () => {
    const shown = (...filters: string[]) =>
      [running, broken].filter(parseFilters(filters).queried).map(({ name }) => name);
    expect(shown('state=Running')).toEqual(['node1']);
    expect(shown('state=active')).toEqual(['node1']);
    expect(shown('state=timeout', 'state=running')).toEqual(['node1', 'node10']);
    expect(shown('swarm=manager', 'state=timeout')).toEqual([]);
  });

  test.each([
    ['foo=bar', 'invalid filter key "foo"'],
    ['running', 'invalid filter "running"'],
    ['name=(', '"(" is not a regular expression'],
  ])('the filter %s is refused', (filter, message) => {
    expect(() => parseFilters([filter])).toThrow(UsageError);
    expect(() => parseFilters([filter])).toThrow(message);
  });
});

describe('querying all machines', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await openTestBed();
  });
  afterEach(() => bed.close());

  test('each engine is queried separately: a stopped machine is skipped, and a failure affects only its row', async () => {
    await bed.running('node1', 'node2', 'node3');
    const stopped = bed.driver.machines.get('node2');
    if (stopped) stopped.state = 'stopped';
    bed.ssh.refused.add('node3');
    const rows = await listMachineStates(
      { timeoutMs: 5_000, dockerHost: 'ssh://root@10.0.0.1' },
      bed.context,
    );
    expect(rows.map(({ name, state, active, swarm, error }) => [name, state, active, swarm, error])).toEqual([
      ['node1', 'running', true, '', undefined],
      ['node2', 'stopped', false, undefined, undefined],
      ['node3', 'running', false, undefined, expect.stringContaining('refused by 10.0.0.3 port 22')],
    ]);
  });

  test('an unreadable settings file is one error, not one per row', async () => {
    await bed.running('node1', 'node2');
    const requireReadable = () => Promise.reject(new ExternalError('.belt.yaml is larger than 16 MiB'));
    const context = { ...bed.context, settings: { ...bed.context.settings, requireReadable } };
    await expect(listMachineStates({ timeoutMs: 1_000 }, context)).rejects.toThrow('.belt.yaml is larger');
  });

  test('a provider that times out affects only the rows of its machines', async () => {
    const [machine] = await bed.running('node1');
    await bed.cluster.save({ ...(machine as Machine), name: 'slow', driver: 'hung' });
    const hung = new MemoryDriver();
    hung.list = () => new Promise(() => {});
    bed.drivers.set('hung', hung);
    const rows = await listMachineStates({ timeoutMs: 1_000 }, bed.context);
    expect(rows.map(({ name, state, swarm, error }) => [name, state, swarm, error])).toEqual([
      ['node1', 'running', '', undefined],
      ['slow', 'timeout', undefined, 'no response within 1 s'],
    ]);
  });
});
