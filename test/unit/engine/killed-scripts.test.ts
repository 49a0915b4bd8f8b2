import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { mapLimited } from '../../../src/base/map-limit.js';
import { quoteArgs } from '../../../src/base/quote-args.js';
import { applyPlan } from '../../../src/engine/apply-plan.js';
import { type Survey, surveyMachine } from '../../../src/engine/gather-facts.js';
import { withoutBelt } from '../../../src/engine/model/daemon-file.js';
import { describePlan, isEmptyPlan, type Plan, planEngine } from '../../../src/engine/model/engine-plan.js';
import type { EngineSettings } from '../../../src/engine/model/engine-settings.js';
import type { Facts } from '../../../src/engine/model/facts.js';
import { installEngine } from '../../../src/engine/provision-engine.js';
import { provisionerFor } from '../../../src/engine/provisioners/index.js';
import { systemd } from '../../../src/engine/provisioners/systemd.js';
import { runScript, type ScriptOutput } from '../../../src/engine/run-script.js';
import { type OriginalState, restoreSteps } from '../../../src/machines/original-state.js';
import { recordFault } from '../../lab/record-fault.js';
import { debianUnit, settingsOf } from '../support/facts.js';
import { ScriptSandbox } from '../support/script-sandbox.js';

/**
 * Kills every script that changes a machine after each of its steps, and runs it again. The steps
 * come from the scripts: a run is traced command by command, and each command that changes the
 * machine is one.
 */

const sandboxes: ScriptSandbox[] = [];
const dropInPath = 'etc/systemd/system/docker.service.d/zz-belt.conf';
const certificate = { ca: 'CA', certificate: 'CERT', key: 'KEY' };
const step = (): void => {};

afterEach(() => {
  for (const sandbox of sandboxes.splice(0)) sandbox.dispose();
});

function newSandbox(like?: ScriptSandbox): ScriptSandbox {
  const sandbox = new ScriptSandbox(like);
  sandboxes.push(sandbox);
  return sandbox;
}

async function planOn(
  sandbox: ScriptSandbox,
  settings: EngineSettings,
  input: { hostname?: string; sysctl?: string } = {},
): Promise<{ plan: Plan; apply: () => Promise<unknown>; install: () => Promise<unknown> }> {
  const context = sandbox.context();
  const connection = sandbox.connection();
  const survey = withoutRoot(await surveyMachine(connection, context), sandbox);
  const plan = planEngine(provisionerFor(survey.facts), survey.facts, { settings, certificate, ...input });
  const task = { subject: { name: 'node1' }, step, context } as unknown as Parameters<typeof applyPlan>[3];
  return {
    plan,
    apply: () => applyPlan(connection, plan, survey, task),
    install: () => installEngine(connection, plan.install as NonNullable<Plan['install']>, survey, task),
  };
}

function withoutRoot({ facts, ...survey }: Survey, { root }: ScriptSandbox): Survey {
  const bare = (paths: ReadonlyMap<string, string>) =>
    new Map([...paths].map(([path, text]) => [path.replace(root, ''), text]));
  return { ...survey, facts: { ...facts, files: bare(facts.files), sums: bare(facts.sums) } };
}

/** The numbers of the commands before which the machine is in a new state. */
async function stepsOf(
  sandbox: ScriptSandbox,
  run: (sandbox: ScriptSandbox) => Promise<unknown>,
): Promise<number[]> {
  const traced = newSandbox(sandbox);
  const states: string[] = [];
  traced.states = states;
  await run(traced).catch(() => {});
  const steps = states.flatMap((state, at) => (at === 0 || state !== states[at - 1] ? [at + 1] : []));
  expect(steps.length).toBeGreaterThan(1);
  return steps;
}

/** Kills `run` at each of its steps, each time on a new copy of the machine. */
async function killAtEachStep(
  script: string,
  before: ScriptSandbox,
  run: (sandbox: ScriptSandbox) => Promise<unknown>,
  check: (sandbox: ScriptSandbox, step: number) => Promise<void>,
): Promise<void> {
  const steps = await stepsOf(before, run);
  await mapLimited(steps, 4, async (killAt) => {
    const sandbox = newSandbox(before);
    sandbox.killAt = killAt;
    await run(sandbox).catch(() => {});
    await check(sandbox, killAt);
  });
  recordFault({
    kind: 'Killed and interrupted',
    fault: `${script} is killed after any of its steps`,
    tried: steps.length,
  });
}

/** An engine that listens on plain TCP, with two containers. */
async function insecureMachine(): Promise<ScriptSandbox> {
  const sandbox = newSandbox();
  sandbox.write('state/unit', debianUnit);
  sandbox.write('etc/docker/daemon.json', '{ "labels": ["mine=1"] }\n');
  await (await planOn(sandbox, insecure)).apply();
  sandbox.sh('docker -H x start web db');
  return sandbox;
}

test.skipIf(process.platform !== 'linux')('a daemon.json that is a symbolic link stays one', async () => {
  const sandbox = newSandbox();
  sandbox.write('state/unit', debianUnit);
  sandbox.write('srv/docker.json', '{ "labels": ["a=0"] }\n');
  sandbox.sh('ln -s ../../srv/docker.json "$ROOT/etc/docker/daemon.json"');
  await (await planOn(sandbox, insecure)).apply();
  expect(sandbox.sh('readlink "$ROOT/etc/docker/daemon.json"')).toBe('../../srv/docker.json\n');
  expect(JSON.parse(sandbox.read('srv/docker.json') ?? '')).toEqual({ labels: ['a=1'] });
  expect(sandbox.list('srv')).toEqual(['docker.json']);
});

const insecure = settingsOf({ access: 'insecure', labels: ['a=1'] });
const local = settingsOf({ access: 'local', labels: ['a=2'], tuneSwarm: true });
const more = { hostname: 'web1', sysctl: 'fs.inotify.max_user_instances = 8192\n' };

describe.skipIf(process.platform !== 'linux')('after a script was killed at any of its steps', () => {
  const runLocal = async (sandbox: ScriptSandbox) => (await planOn(sandbox, local, more)).apply();

  async function expectAsRecorded(
    sandbox: ScriptSandbox,
    settings: EngineSettings,
    at: number,
  ): Promise<void> {
    const { plan } = await planOn(sandbox, settings);
    expect([at, describePlan(plan)]).toEqual([at, ['nothing to do']]);
    expect([at, sandbox.isUpToDate(), sandbox.read('state/enabled')]).toEqual([at, true, '\n']);
    expect([at, containersOn(sandbox)]).toEqual([at, ['db', 'web']]);
    expect([at, sandbox.list('run')]).not.toContain('belt-unfinished.engine');
  }

  const provisionAgain = async (sandbox: ScriptSandbox): Promise<void> => {
    const { plan, apply } = await planOn(sandbox, insecure);
    if (!isEmptyPlan(plan)) await apply();
  };

  test('apply brings the engine to its new record, and provision back to its old one', async () => {
    const before = await insecureMachine();
    await killAtEachStep('the script of `engine` and `provision`', before, runLocal, async (sandbox, at) => {
      const other = newSandbox(sandbox);
      await runLocal(sandbox);
      await expectAsRecorded(sandbox, local, at);
      expect(sandbox.read(`engine/${dropInPath.slice('etc/'.length)}`)).not.toContain('tcp://');
      expect([at, sandbox.read('state/hostname'), sandbox.read('state/sysctl')]).toEqual([
        at,
        'web1\n',
        expect.stringContaining('60-belt-swarm.conf'),
      ]);
      await provisionAgain(other);
      await expectAsRecorded(other, insecure, at);
    });
  }, 300_000);

  test('apply deletes what a killed script left, and nothing of one that runs', async () => {
    const sandbox = await insecureMachine();
    const key = `${sandbox.root}/etc/docker/server-key.pem`;
    // No process has this number (proc(5), pid_max).
    sandbox.write('run/belt.killed/pid', '99999999\n');
    sandbox.write('run/belt.killed/1.path', key);
    sandbox.write('etc/docker/server-key.pem.belt-new', 'KEY');
    sandbox.write('run/belt.running/pid', `${process.pid}\n`);
    await runLocal(sandbox);
    expect(sandbox.list('run')).not.toContain('belt.killed');
    expect(sandbox.list('run')).toContain('belt.running');
    expect(sandbox.list('etc/docker')).not.toContain('server-key.pem.belt-new');
  });

  test('apply completes a rollback', async () => {
    const before = await insecureMachine();
    before.write('state/broken', 'a=2');
    await killAtEachStep('the rollback of rejected options', before, runLocal, async (sandbox, at) => {
      await provisionAgain(sandbox);
      await expectAsRecorded(sandbox, insecure, at);
    });
  }, 300_000);

  test('install completes an installation, also one that the package manager did not end', async () => {
    const before = newSandbox();
    before.sh('rm "$ROOT/bin/dockerd" "$ROOT/state/active"');
    before.program(
      'apt-get',
      `case $* in *install*) printf '#!/bin/sh' >"$ROOT/bin/dockerd"; chmod +x "$ROOT/bin/dockerd"
      if [ -e "$ROOT/state/die" ]; then rm "$ROOT/state/die"; exit 1; fi; echo >>"$ROOT/state/installed" ;; esac`,
    );
    before.program('apt-cache', '');
    const install = async (sandbox: ScriptSandbox) => (await planOn(sandbox, local)).install();
    const check = async (sandbox: ScriptSandbox, at: number) => {
      const { plan, install: again } = await planOn(sandbox, local);
      if (plan.install) await again();
      expect([at, sandbox.read('state/installed')]).toEqual([at, expect.stringContaining('\n')]);
      expect([at, (await planOn(sandbox, local)).plan.install]).toEqual([at, undefined]);
    };
    await killAtEachStep('the script that installs an engine', before, install, check);
    before.write('state/die', '');
    await expect(install(before)).rejects.toThrow('could not be installed');
    await check(before, 0);
  }, 300_000);

  test('restore gives an adopted server its original state', async () => {
    const before = newSandbox();
    before.write('state/unit', debianUnit);
    const daemonFile = '{ "debug": true }\n';
    before.write('etc/docker/daemon.json', daemonFile);
    await (await planOn(before, settingsOf({ access: 'insecure', options: ['debug=false'] }))).apply();
    before.sh('docker -H x start web db');
    const restore = async (sandbox: ScriptSandbox): Promise<unknown> => {
      const connection = sandbox.connection();
      const { files } = withoutRoot(await surveyMachine(connection, sandbox.context()), sandbox).facts;
      const { text } = withoutBelt(files);
      const restored = text === undefined ? [] : [{ path: '/etc/docker/daemon.json', text }];
      const values = { steps: restoreSteps(original(daemonFile), restored).join('\n') };
      return runOn(sandbox, 'adopt/restore.sh', values);
    };
    expect(before.read('etc/docker/daemon.json')).not.toBe(daemonFile);
    await killAtEachStep(
      'the script that restores an adopted server',
      before,
      restore,
      async (sandbox, at) => {
        await restore(sandbox);
        expect([
          at,
          sandbox.sh('cd "$ROOT/etc" && find . -type f ! -name "*.belt-new"').split('\n').sort(),
        ]).toEqual([at, ['', './docker/daemon.json', './os-release']]);
        expect([at, sandbox.read('etc/docker/daemon.json')]).toEqual([at, daemonFile]);
        expect([at, sandbox.isUpToDate(), containersOn(sandbox)]).toEqual([at, true, ['db', 'web']]);
      },
    );
  }, 300_000);

  describe('of a swarm', () => {
    const folder = 'var/lib/docker/swarm';
    const manager = async (): Promise<ScriptSandbox> => {
      const sandbox = newSandbox();
      sandbox.write(`${folder}/raft/log`, 'old');
      sandbox.write(`${folder}/docker-state.json`, '{}');
      sandbox.write(`${folder}/certificates/swarm-node.key`, 'LOCKED');
      sandbox.sh('docker -H x start web db');
      return sandbox;
    };
    const runWork =
      (work: 'append' | 'backup' | 'recover' | 'restore', input = '') =>
      async (sandbox: ScriptSandbox): Promise<unknown> => {
        const values: Record<typeof work, Record<string, string>> = {
          append: { segment: 'raft/log', end: '2', bytes: '3' },
          backup: { manifest: 'e30=' },
          recover: { suffix: 'before' },
          restore: { suffix: 'before' },
        };
        const text = await sandbox.context().templates.render(`swarm/${work}.sh`, values[work]);
        const { stop, start, isActive, journal } = systemd.commands;
        const service = { stop, start, isActive, journal, work: text };
        return runOn(sandbox, 'swarm/folder.sh', service, Readable.from([Buffer.from(input, 'base64')]));
      };
    /** The script's watcher starts the engine; then the same command succeeds. */
    const checkEngine = async (sandbox: ScriptSandbox, at: number, again: () => Promise<unknown>) => {
      await expect
        .poll(() => [at, sandbox.sh('cat "$ROOT/state/active" 2>/dev/null || true')], { timeout: 60_000 })
        .toEqual([at, '\n']);
      await again();
      expect([at, sandbox.read('state/socket'), containersOn(sandbox)]).toEqual([at, '\n', ['db', 'web']]);
      expect([at, sandbox.list('run').filter((name) => name !== 'systemd')]).toEqual([at, []]);
    };

    test('backup runs again', async () => {
      const run = runWork('backup');
      await killAtEachStep('the script of `swarm backup`', await manager(), run, (sandbox, at) =>
        checkEngine(sandbox, at, () => run(sandbox)),
      );
    }, 300_000);

    test('recover keeps a whole key', async () => {
      const run = runWork('recover', Buffer.from('KEY').toString('base64'));
      await killAtEachStep('the script of `swarm recover`', await manager(), run, async (sandbox, at) => {
        expect([at, ['KEY', 'LOCKED']]).toContainEqual(
          expect.arrayContaining([sandbox.read(`${folder}/certificates/swarm-node.key`)]),
        );
        await checkEngine(sandbox, at, () => run(sandbox));
        expect(sandbox.read(`${folder}/certificates/swarm-node.key`)).toBe('KEY');
        expect(sandbox.list(folder)).toEqual(['certificates', 'raft']);
      });
    }, 300_000);

    test('append leaves a whole raft log', async () => {
      const run = runWork('append', Buffer.from('NEW').toString('base64'));
      const before = await manager();
      before.write(`${folder}/raft/log`, 'old-zeros');
      await killAtEachStep('the script that writes a new address', before, run, async (sandbox, at) => {
        expect([at, ['old-zeros', 'olNEWeros']]).toContainEqual(
          expect.arrayContaining([sandbox.read(`${folder}/raft/log`)]),
        );
        await run(sandbox);
        expect([at, sandbox.read(`${folder}/raft/log`)]).toEqual([at, 'olNEWeros']);
      });
      expect(before.list('var/lib/docker')).toEqual(['swarm']);
    }, 300_000);

    test('restore puts the backup into place', async () => {
      const archive = execFileSync(
        'sh',
        [
          '-c',
          'd=$(mktemp -d) && cd $d && mkdir -p swarm/certificates && echo new >swarm/certificates/swarm-node.key && echo >swarm.end && tar -cz swarm swarm.end | base64 && rm -r $d',
        ],
        { encoding: 'utf8' },
      );
      const run = runWork('restore', archive);
      await killAtEachStep('the script of `swarm restore`', await manager(), run, async (sandbox, at) => {
        await checkEngine(sandbox, at, () => run(sandbox));
        expect([at, sandbox.read(`${folder}/certificates/swarm-node.key`)]).toEqual([at, 'new\n']);
      });
    }, 300_000);
  });
});

test.skipIf(process.platform !== 'linux')('gc finds and deletes what killed scripts left', async () => {
  const before = newSandbox();
  before.write('run/belt.killed/pid', '99999999\n');
  before.write('run/belt.running/pid', `${process.pid}\n`);
  before.write('etc/docker/server-key.pem.belt-new', 'KEY');
  for (const kept of ["swarm.before-restore-it's", 'swarm.before-recover-20260102T030405Z', 'swarm'])
    before.write(`var/lib/docker/${kept}/raft/log`, 'old');
  const list = async (sandbox: ScriptSandbox, deleted: readonly string[] = []) => {
    const { outputs } = (await runOn(sandbox, 'engine/leftovers.sh', {
      deleted: quoteArgs(deleted),
    })) as ScriptOutput;
    return (outputs.get('path') ?? []).map((path) => path.replace(`${sandbox.root}/`, ''));
  };
  const found = await list(before);
  expect(found).toEqual([
    'run/belt.killed',
    'etc/docker/server-key.pem.belt-new',
    'var/lib/docker/swarm.before-recover-20260102T030405Z',
    "var/lib/docker/swarm.before-restore-it's",
  ]);
  const deleteAll = (sandbox: ScriptSandbox) =>
    list(
      sandbox,
      found.map((path) => `${sandbox.root}/${path}`),
    );
  await killAtEachStep('the script of `gc`', before, deleteAll, async (sandbox) => {
    expect(await deleteAll(sandbox)).toEqual([]);
    expect(sandbox.list('var/lib/docker')).toEqual(['swarm']);
    expect(sandbox.list('run')).toContain('belt.running');
  });
});

test('every script that changes a machine is killed above', () => {
  const killed = [
    ...['apply.sh', 'install.sh', 'install-new.sh', 'restore.sh', 'leftovers.sh'],
    ...['folder.sh', 'append.sh', 'backup.sh', 'recover.sh'],
  ];
  const reading = ['found.sh', 'facts.sh', 'prelude.sh', 'inspect.sh', 'log.sh', 'raft.sh', 'reach.sh'];
  const scripts = ['adopt', 'engine', 'swarm'].flatMap((folder) =>
    readdirSync(join('templates', folder)).filter((name) => name.endsWith('.sh')),
  );
  expect([...new Set(scripts)].sort()).toEqual([...killed, ...reading].sort());
});

function containersOn(sandbox: ScriptSandbox): string[] {
  const words = (sandbox.read('state/containers') ?? '').split(/\s+/).filter((word) => word !== '');
  return [...new Set(words)].sort();
}

function runOn(
  sandbox: ScriptSandbox,
  template: string,
  values: Record<string, string>,
  input?: Readable,
): Promise<unknown> {
  const facts = { access: 'root' } as Facts;
  const script = { template, values, step, timeoutMs: 60_000, ...(input && { data: { input } }) };
  return runScript(sandbox.connection(), script, { facts }, sandbox.context());
}

function original(daemonFile: string): OriginalState {
  const content = Buffer.from(daemonFile).toString('base64');
  const [uid = 0, gid = 0] = [process.getuid?.(), process.getgid?.()];
  return {
    files: [{ path: '/etc/docker/daemon.json', mode: '644', uid, gid, content }],
    links: [],
    folders: ['/etc/docker'],
    units: [
      { name: 'docker.service', active: 'active', enabled: 'enabled' },
      { name: 'docker.socket', active: 'active', enabled: 'enabled' },
    ],
    kernel: [],
    containers: [],
    swarmNode: '',
  };
}
