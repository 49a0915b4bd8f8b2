import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AbortError, ExternalError, UsageError, UserError } from '../../../src/base/errors.js';
import { certificateTable } from '../../../src/certs/views/certificate-table.js';
import { type Output, openOutput } from '../../../src/cli/output.js';
import { describeError } from '../../../src/cli/print-error.js';
import { clusterTable } from '../../../src/clusters/views/cluster-table.js';
import * as planViews from '../../../src/clusters/views/plan-view.js';
import { contextTable } from '../../../src/contexts/views/context-table.js';
import { EngineError } from '../../../src/engine/api.js';
import * as engineTables from '../../../src/engine/views/engine-tables.js';
import { checkList } from '../../../src/machines/views/doctor-checks.js';
import { imageTable, snapshotTable } from '../../../src/machines/views/image-tables.js';
import { leftoverList } from '../../../src/machines/views/leftover-list.js';
import { changedLines, formatMachines, machineList } from '../../../src/machines/views/machine-list.js';
import {
  machineTable,
  planList,
  regionTable,
  sizeTable,
  statusTable,
} from '../../../src/machines/views/machine-tables.js';
import { pluginTable } from '../../../src/plugins/views/plugin-table.js';
import { ConnectError } from '../../../src/ssh/index.js';
import { swarmTable, upgradePlanTable } from '../../../src/swarm/views/node-tables.js';
import * as recoveryTexts from '../../../src/swarm/views/recovery-texts.js';
import { statsTable } from '../../../src/swarm/views/stats-table.js';
import { swarmStatusView } from '../../../src/swarm/views/status-view.js';
import { createReporter } from '../../../src/ui/create-reporter.js';
import { failureSummary, linePrefixes } from '../../../src/ui/failure-summary.js';
import { formatError } from '../../../src/ui/format-error.js';
import { confirm } from '../../../src/ui/prompt.js';
import { safeView } from '../../../src/ui/safe-text.js';
import { recordFault } from '../../lab/record-fault.js';

/** A column that the narrowest view shows in full. */
const secret = 'k3yk3yk3yk3yk3yk3yk3yk3y';
const tricks = [
  '\x1b[2J\x1b[H',
  '\x1b]0;title\x07',
  '\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\',
  '\x1bP1;1q\x1b\\',
  '\x1b[31m',
  '\x1bc',
  '\x9b31m',
  '\x9d0;title\x9c',
  '\u202e',
  '\u2066',
  '\u200f',
  '\u2028',
  '\u{e0041}',
  '\ufeff',
  '\r',
  '\x85',
  '\n',
  '\nerror: forged',
  '\t',
  '\b\b',
  '\0',
  '\x7f',
  `SWMTKN-1-${secret}-${secret}`,
  `SWMKEY-1-${secret}`,
  `SWM\x1b[0mTKN\u202e-1-${secret}\x00${secret}`,
  `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----`,
  `dop_v1_${secret}`,
  `AWS_SECRET_ACCESS_KEY=${secret} `,
];
const hostile = fc
  .array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...tricks) }, fc.string({ unit: 'binary' })), {
    minLength: 1,
    maxLength: 6,
  })
  .map((parts) => `a${parts.join(' ')}z`);

const forbidden =
  /(?!\n)\p{Cc}|[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\u{e0000}-\u{e007f}]/u;

function expectSafe(text: string): void {
  expect(forbidden.exec(text)).toBeNull();
  expect(text).not.toContain(secret);
}

const now = new Date('2026-01-02T03:04:05Z');
const machine = (x: string) => ({
  name: x,
  active: true,
  driver: x,
  state: 'running' as const,
  url: x,
  swarm: x,
  docker: x,
  labels: [x, x],
  address: x,
  size: x,
  error: x,
  responseMs: 1,
});
const difference = (x: string, status: 'missing' | 'different' | 'extra') => ({
  name: x,
  group: x,
  status,
  differences: [{ what: x, key: x, is: x, wanted: x }],
});
const leftover = (x: string) => ({ name: x, driver: x, id: x, addresses: { public: x, private: x } });

/** Every view, with `x` wherever a machine, a provider, an image or a plugin has a say. */
const views: Record<string, Record<string, (x: string) => string>> = {
  'certs/views/certificate-table': {
    certificateTable: (x) =>
      certificateTable(
        [
          {
            kind: 'server',
            machine: x,
            status: x,
            problems: [x, x],
            expires: x,
            names: [x],
            path: x,
            fingerprint: x,
          },
        ],
        { wide: true },
      ),
  },
  'clusters/views/cluster-table': {
    clusterTable: (x) =>
      clusterTable([{ name: x, active: true, leader: x, managers: [x], machines: 1, errors: [x, x] }], {
        wide: true,
      }),
  },
  'clusters/views/plan-view': {
    differenceTable: (x) => planViews.differenceTable([difference(x, 'different')]),
    planSummary: (x) =>
      planViews.planSummary({ differences: [difference(x, 'extra')], fixed: [] }, { prune: false }),
    outdatedEnginesText: (x) => planViews.outdatedEnginesText([{ name: x }]),
    noChangeText: (x) => planViews.noChangeText({ fixed: [x] }),
    stageText: (x) =>
      planViews.stageText([
        { step: { does: 'resize', name: x, role: x, size: x }, outcome: { status: 'ok' } },
      ]),
    failureList: (x) =>
      planViews.failureList({
        failed: [{ step: { does: 'join', name: x }, error: x }],
        left: [difference(x, 'missing')],
      }),
  },
  'contexts/views/context-table': {
    contextTable: (x) => contextTable([{ name: x, machine: x, endpoint: x }]),
  },
  'engine/views/engine-tables': {
    provisionedTable: (x) => engineTables.provisionedTable([{ name: x, version: x, changed: true }]),
    engineTable: (x) =>
      engineTables.engineTable(
        [
          {
            name: x,
            system: x,
            version: x,
            url: x,
            provisioner: x,
            settings: { access: x, storageDriver: x, labels: [x], tlsSans: [x] },
            pending: [x, x],
          },
        ],
        { wide: true },
      ),
    upgradedTable: (x) => engineTables.upgradedTable([{ name: x, from: x, to: `${x}1` }]),
    renamedTable: (x) => engineTables.renamedTable([{ name: x, from: x, to: x }]),
  },
  'machines/views/doctor-checks': {
    checkList: (x) => checkList('nspawn', [{ name: x, ok: false, detail: x }], { color: false }),
  },
  'machines/views/image-tables': {
    imageTable: (x) =>
      imageTable([{ name: x, id: x, size: 1, builtAt: x, machines: 1 }], now, { wide: true }),
    snapshotTable: (x) => snapshotTable([{ machine: x, name: x, id: x }]),
  },
  'machines/views/leftover-list': {
    leftoverList: (x) =>
      leftoverList(
        {
          strays: [leftover(x)],
          gone: [leftover(x)],
          files: [{ machine: leftover(x), path: x }],
          notAsked: [x],
        },
        { wide: true },
      ),
  },
  'machines/views/machine-list': {
    machineList: (x) => machineList([machine(x)], { wide: true }),
    changedLines: (x) => changedLines([machine('gone')], [machine(x)], { wide: true }).join('\n'),
    formatMachines: (x) =>
      ['{{.Name}} {{json .}}', 'table {{.Name}}\t{{.Error}}', '{{.Error}} {{.DockerVersion}}']
        .map((format) => formatMachines(format, [machine(x)], new Map([[x, { EngineOptions: { [x]: x } }]])))
        .join('\n'),
  },
  'machines/views/machine-tables': {
    machineTable: (x) =>
      machineTable([{ name: x, driver: x, state: 'running', address: x, size: x, error: x }], { wide: true }),
    sizeTable: (x) => sizeTable([{ name: x, memory: 512, regions: [x] }], { wide: true }),
    regionTable: (x) => regionTable([{ name: x, title: x, available: true }]),
    statusTable: (x) => statusTable([{ status: x, names: [x, x] }]),
    planList: (x) =>
      planList([{ name: x, address: x, system: x, files: [], commands: [], containers: 0, steps: [x, x] }], {
        color: false,
      }),
  },
  'plugins/views/plugin-table': {
    pluginTable: (x) =>
      pluginTable([
        { driver: x, package: x, version: x, summary: x, linkedTo: x },
        { driver: x, error: x },
      ]),
  },
  'swarm/views/node-tables': {
    swarmTable: (x) =>
      swarmTable(
        [
          {
            name: x,
            role: x,
            status: x,
            availability: x,
            leader: false,
            reachability: x,
            address: x,
            engineVersion: x,
            id: x,
            managerAddress: x,
            labels: { [x]: x },
          },
        ],
        { wide: true },
      ),
    upgradePlanTable: (x) =>
      upgradePlanTable([{ name: x, role: x, availability: x, steps: [x], resumed: true }], { wide: true }),
  },
  'swarm/views/recovery-texts': {
    backupText: (x) => recoveryTexts.backupText({ node: x, file: x, bytes: 1, downtimeSeconds: 1 }),
    restoredText: (x) =>
      recoveryTexts.restoredText(
        { node: x, swarmId: x, keptFolder: x, others: [{ name: x, role: x }] },
        { hint: true },
      ),
    planText: (x) =>
      recoveryTexts.planText({
        swarmId: x,
        manager: { name: x },
        isForced: false,
        managers: [{ name: x, position: { commit: 1, term: 1, index: 1 } }],
        returning: [{ machine: { name: x }, role: 'worker' }],
        lost: [{ name: x, reason: x }],
      }),
    lostWarning: (x) => recoveryTexts.lostWarning({ lost: [{ name: x, reason: x }] }),
    recoveredText: (x) =>
      recoveryTexts.recoveredText({
        manager: x,
        keptFolder: x,
        returned: { ok: [{ name: x, role: x, reconnected: true }] },
        removed: [x],
      }),
  },
  'swarm/views/stats-table': {
    statsTable: (x) => statsTable([{ task: x, node: x, error: x }], 120),
  },
  'swarm/views/status-view': {
    swarmStatusView: (x) =>
      swarmStatusView({
        id: x,
        quorum: true,
        managers: {
          total: 1,
          reachable: 1,
          needed: 1,
          tolerance: 0,
          leader: x,
          nodes: [{ name: x, status: x, availability: x, reachability: x, leader: false, place: x }],
        },
        groups: [{ role: x, status: x, availability: x, names: ['node1'] }],
        places: [{ name: x, managers: ['node1'], workers: 1 }],
        certificates: {
          validDays: 90,
          soonest: { name: x, expires: x, daysLeft: 1 },
          authorityExpires: x,
          unanswered: [x],
        },
        machines: [{ name: x, state: x, swarm: x, error: x }],
        warnings: [x],
      }),
  },
};
/** Numbers, lines of shell code and documents for other programs, whose values are quoted. */
const withoutForeignText = [
  'machines/views/inventory.formatHostVariables',
  'machines/views/inventory.inventoryFormats',
  'machines/views/image-tables.formatBytes',
  'machines/views/image-tables.formatAge',
  'machines/views/machine-list.needsEngines',
  'machines/views/shell-lines.shellLines',
];

test('every exported function of views/ is in this test', async () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
    /^[^/]+\/views\/.*\.ts$/.test(file),
  );
  const exported = await Promise.all(
    files.map(async (file) => {
      const names = Object.keys((await import(resolve('src', file))) as object);
      return names.map((name) => `${file.slice(0, -'.ts'.length)}.${name}`);
    }),
  );
  const tested = Object.entries(views).flatMap(([file, functions]) =>
    Object.keys(functions).map((name) => `${file}.${name}`),
  );
  expect(exported.flat().sort()).toEqual([...tested, ...withoutForeignText].sort());
});

const allViews = Object.entries(views).flatMap(([file, functions]) =>
  Object.entries(functions).map(([name, view]) => [`${file}.${name}`, view] as const),
);

test.each(allViews)(
  'property: %s shows foreign text without controls, line breaks and secrets',
  (_, view) => {
    let tried = 0;
    const lines = view('text').split('\n').length;
    fc.assert(
      fc.property(hostile, (text) => {
        tried++;
        const shown = view(text);
        expectSafe(shown);
        expect(shown.split('\n').length).toBe(lines);
      }),
      { numRuns: 60 },
    );
    recordFault({ kind: 'Untrusted input', fault: 'control sequences and secrets in a view', tried });
  },
);

test('property: printing a view keeps only the colors of belt', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      expectSafe(
        safeView(`\x1b[31m${text}\x1b[39m`).slice(5, -5).replaceAll('\x1b[31m', '').replaceAll('\t', ''),
      );
      expect(safeView('\x1b[1mname\x1b[22m  \x1b[4mx')).toBe('\x1b[1mname\x1b[22m  x');
    }),
  );
});

const target = { name: 'node1', host: '10.0.0.1', port: 22, user: 'root' };
const errors: Record<string, (x: string) => unknown> = {
  UserError: (x) => new UserError(x, { hint: x, cause: new Error(x) }),
  UsageError: (x) => new UsageError(x, { hint: x }),
  ExternalError: (x) => new ExternalError(x, { hint: x, cause: new UserError(x) }),
  AbortError: (x) => new AbortError(x, { hint: x }),
  EngineError: (x) => new EngineError(500, x),
  ConnectError: (x) => new ConnectError(target, 'refused', x),
  bug: (x) => new TypeError(x, { cause: x }),
  text: (x) => x,
};

describe.each(Object.entries(errors))('%s', (_, create) => {
  test('property: an error shows foreign text without controls and secrets, below its own line', () => {
    let tried = 0;
    fc.assert(
      fc.property(hostile, fc.boolean(), (text, debug) => {
        tried++;
        const shown = formatError(create(text), { debug, color: false });
        expectSafe(shown.replaceAll('\t', ''));
        if (!debug) expect(shown.split('\n').filter((line) => /^error: forged/.test(line))).toEqual([]);
      }),
      { numRuns: 60 },
    );
    recordFault({ kind: 'Untrusted input', fault: 'control sequences and secrets in an error', tried });
  });

  test('property: an error document has no controls and secrets', async () => {
    let tried = 0;
    const formats = await Promise.all(['json', 'yaml'].map((output) => openOutput({ output })));
    fc.assert(
      fc.property(hostile, (text) => {
        tried++;
        for (const { render = String } of formats)
          expectSafe(render(describeError(create(text))).replaceAll('\t', ''));
      }),
      { numRuns: 30 },
    );
    recordFault({
      kind: 'Untrusted input',
      fault: 'control sequences and secrets in an error document',
      tried,
    });
  });
});

/** What the live area writes itself. */
const esc = '\x1b';
const liveSequences = new RegExp(`${esc}\\[(?:\\?25[lh]|K|J|\\d+A)|\\r`, 'g');

describe('documents', () => {
  const document = (x: string): object => ({
    [x]: x,
    list: [{ name: x, error: x }],
    AccessToken: secret,
    count: 1,
  });
  const render = async (output: string, secrets = false): Promise<NonNullable<Output['render']>> =>
    (await openOutput({ output }, { secrets })).render ?? String;

  test.each(['json', 'yaml', 'name', 'go-template={{range .list}}{{.name}} {{.error}}{{end}} {{json .}}'])(
    'property: -o %s has no controls and secrets, in values and names of fields',
    async (output) => {
      let tried = 0;
      const format = await render(output);
      fc.assert(
        fc.property(hostile, (text) => {
          tried++;
          expectSafe(format(document(text)).replaceAll('\t', ''));
        }),
      );
      recordFault({
        kind: 'Untrusted input',
        fault: 'control sequences and secrets in JSON, YAML and templates',
        tried,
      });
    },
  );

  test('a document stays the same without controls and secrets', async () => {
    const plain = { name: 'node1', lines: 'a\n\tb', 日本: '🐳', no: null, yes: true, list: [1, 'x'] };
    expect(JSON.parse((await render('json'))(plain))).toEqual(plain);
  });

  test('a command that shows a secret on request shows it in every format, without controls', async () => {
    const shown = { token: `SWMTKN-1-${secret}`, message: 'from \x1b[2Jmg0' };
    expect(JSON.parse((await render('json', true))(shown))).toEqual({ ...shown, message: 'from mg0' });
    expect((await render('go-template={{.token}}', true))(shown)).toBe(shown.token);
    expect(safeView(`${shown.token}\x1b[2J`, { secrets: true })).toBe(shown.token);
  });
});

test.each(['terminal', 'plain'] as const)(
  'property: %s progress shows no controls and secrets',
  async (mode) => {
    let tried = 0;
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        tried++;
        const stream = new PassThrough();
        const reporter = createReporter({ stream, mode, color: false, now: () => 0 });
        reporter.note(text);
        reporter.warn(text);
        const progress = reporter.open([text, 'other']);
        progress.update(text, text, 0.5);
        progress.update('other', text);
        progress.done(text, text);
        progress.failed('other', text);
        await progress.close();
        await reporter
          .stage(text, async (stage) => {
            stage.step(text);
            stage.retry(text);
            const inner = stage.open([text]);
            inner.update(text, text);
            inner.failed(text, text);
            await inner.close();
            throw new ExternalError(text);
          })
          .catch(() => undefined);
        const written = String(stream.read());
        expectSafe(written.replaceAll(liveSequences, '').replaceAll('\t', ''));
        expect(written).not.toMatch(/^error: forged/m);
      }),
      { numRuns: 40 },
    );
    recordFault({ kind: 'Untrusted input', fault: 'control sequences and secrets in progress', tried });
  },
);

test('property: questions, prefixes and summaries show no controls and secrets', async () => {
  let tried = 0;
  await fc.assert(
    fc.asyncProperty(hostile, async (text) => {
      tried++;
      const [input, output] = [new PassThrough(), new PassThrough()];
      input.end('n\n');
      await confirm(`Remove ${text}? `, { input, output });
      const shown = [
        String(output.read()),
        ...linePrefixes([text, 'other'], { color: false }).values(),
        failureSummary(2, [{ name: text, reason: text }], [text], { color: false }),
      ];
      expectSafe(shown.join('').replaceAll('\t', ''));
    }),
    { numRuns: 40 },
  );
  recordFault({
    kind: 'Untrusted input',
    fault: 'control sequences and secrets in questions and summaries',
    tried,
  });
});
