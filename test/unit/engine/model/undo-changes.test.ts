import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../../../src/base/errors.js';
import { splitOptions, withoutBelt } from '../../../../src/engine/model/daemon-file.js';
import { daemonOptions } from '../../../../src/engine/model/daemon-options.js';
import { etcCertificates } from '../../../../src/engine/model/engine-paths.js';
import { sharedFiles, withMarkedBlock } from '../../../../src/engine/model/managed-files.js';
import { undoChanges } from '../../../../src/engine/model/undo-changes.js';
import { settingsOf } from '../../support/facts.js';

/** Undoing the changes of belt to files that others edit too. */

const daemonFile = '/etc/docker/daemon.json';
type Json = Record<string, unknown>;

describe('undoChanges', () => {
  const undo = (before: Json, written: Json, current: Json) => {
    const { text = 'null', conflicts } = undoChanges(
      'x.json',
      ...([before, written, current].map((value) => JSON.stringify(value)) as [string, string, string]),
    );
    return { value: JSON.parse(text), conflicts };
  };
  const value = fc
    .oneof(fc.jsonValue({ maxDepth: 2 }), fc.array(fc.constantFrom('a', 'b', 'c')))
    .map((some) => roundTrip(some));
  const name = fc.oneof(fc.string(), fc.constantFrom('constructor', 'toString', 'hosts'));
  const object = fc.dictionary(name, value, { noNullPrototype: true }).map((some) => roundTrip(some));
  /** Changes of one side; undefined removes the key. */
  const changes = fc.dictionary(name, fc.option(value, { nil: undefined }), { noNullPrototype: true });
  const changed = (some: Json, change: Json): Json =>
    Object.fromEntries(Object.entries({ ...some, ...change }).filter(([, entry]) => entry !== undefined));

  test("undoing belt's changes restores the exact text when there are no others", () => {
    fc.assert(
      fc.property(object, object, fc.constantFrom('', ' ', '\t', '\n'), (before, written, space) => {
        const text = `${space}${JSON.stringify(before, undefined, space)}`;
        const other = JSON.stringify(written);
        expect(undoChanges('x.json', text, other, other)).toEqual({ text, conflicts: [] });
      }),
    );
  });

  test('undoing keeps the text when belt changed nothing', () => {
    fc.assert(
      fc.property(object, object, (before, current) => {
        const [same, text] = [JSON.stringify(before), JSON.stringify(current)];
        expect(undoChanges('x.json', same, same, text)).toEqual({ text, conflicts: [] });
      }),
    );
  });

  test('undoing keeps changes to other keys', () => {
    fc.assert(
      fc.property(object, changes, changes, (before, ours, theirs) => {
        const apart = Object.fromEntries(Object.entries(theirs).filter(([key]) => !Object.hasOwn(ours, key)));
        const written = changed(before, ours);
        expect(undo(before, written, changed(written, apart))).toEqual({
          value: changed(before, apart),
          conflicts: [],
        });
      }),
    );
  });

  test('undoing keeps and reports a key that both sides changed', () => {
    fc.assert(
      fc.property(
        object,
        name,
        fc.uniqueArray(fc.integer(), { minLength: 3, maxLength: 3 }),
        (some, key, three) => {
          const [before, written, current] = three.map((number) => changed(some, { [key]: number })) as [
            Json,
            Json,
            Json,
          ];
          expect(undo(before, written, current)).toEqual({ value: current, conflicts: [key] });
          const { [key]: _, ...removed } = written;
          expect(undo(before, written, removed)).toEqual({ value: removed, conflicts: [key] });
        },
      ),
    );
  });

  test("undoing a list removes belt's items, restores removed ones and keeps others", () => {
    const hosts = (...list: string[]) => ({ hosts: list });
    expect(
      undo(hosts('fd://', 'tcp://a'), hosts('fd://', 'tcp://belt'), hosts('new', 'fd://', 'tcp://belt')),
    ).toEqual({
      value: hosts('new', 'fd://', 'tcp://a'),
      conflicts: [],
    });
  });

  test('undoing accepts changes that are undone already', () => {
    expect(undo({ mtu: 1 }, { mtu: 2 }, { mtu: 1, x: 1 })).toEqual({
      value: { mtu: 1, x: 1 },
      conflicts: [],
    });
  });

  test('undoing keeps the indentation and does not restore a removed file', () => {
    const [before, written] = ['{"mtu": 1}', '{"mtu": 2}'];
    expect(undoChanges('x.json', before, written, '{\n\t"mtu": 2,\n\t"x": 1\n}').text).toBe(
      '{\n\t"mtu": 1,\n\t"x": 1\n}\n',
    );
    expect(undoChanges('x.json', before, written, undefined)).toEqual({ conflicts: [] });
  });

  test.each(['{', '[]', '7'])('undoing in a file that is %s is refused', (text) => {
    expect(() => undoChanges('x.json', '{}', '{"a": 1}', text)).toThrow(UserError);
    expect(() => undoChanges('x.json', '{}', '{"a": 1}', text)).toThrow(/^x\.json is not/);
  });
});

describe('a sequence of changes to daemon.json', () => {
  const optionsOf = (change: Parameters<typeof settingsOf>[0]) =>
    daemonOptions(settingsOf(change), etcCertificates);
  /** Applies the changes by belt. */
  const provision = (files: Map<string, string>, change: Parameters<typeof settingsOf>[0]) => {
    for (const { path, content } of splitOptions(files, optionsOf(change)).files) files.set(path, content);
  };
  const edit = (files: Map<string, string>, change: (keys: Json) => Json) => {
    const text = files.get(daemonFile);
    if (text !== undefined)
      files.set(daemonFile, JSON.stringify(change(JSON.parse(text) as Json), undefined, 4));
  };

  const settings = fc.record({
    access: fc.constantFrom('secure' as const, 'insecure' as const, 'local' as const),
    labels: fc.subarray(['b=1', 'b=2']),
    options: fc.subarray(['mtu=1400', 'live-restore']),
  });
  const others = fc.oneof(
    fc.record({ key: fc.constantFrom('x', 'debug', 'log-opts'), value: fc.jsonValue({ maxDepth: 1 }) }),
    fc.record({ label: fc.constantFrom('o=1', 'o=2') }),
  );
  const withOthers = (keys: Json, other: { key: string; value: unknown } | { label: string }): Json =>
    'key' in other
      ? { ...keys, [other.key]: roundTrip(other.value) }
      : { ...keys, labels: [...new Set([...((keys['labels'] as string[]) ?? []), other.label])] };

  test('property: daemon.json without belt has all changes by others and none by belt', () => {
    const original = fc.record(
      {
        hosts: fc.subarray(['fd://', 'tcp://1.2.3.4:1']),
        labels: fc.subarray(['o=1', 'o=3']),
        tlsverify: fc.boolean(),
        tlscacert: fc.constant('/mine'),
        mtu: fc.constant(1500),
        'live-restore': fc.boolean(),
        x: fc.integer(),
      },
      { requiredKeys: ['labels'] },
    );
    fc.assert(
      fc.property(original, fc.array(fc.oneof(settings, others), { maxLength: 6 }), (start, steps) => {
        const files = new Map([[daemonFile, JSON.stringify(start)]]);
        let alone: Json = start;
        for (const step of steps) {
          if ('access' in step) {
            provision(files, step);
            continue;
          }
          edit(files, (keys) => withOthers(keys, step));
          alone = withOthers(alone, step);
        }
        const { text = '', conflicts } = withoutBelt(files);
        expect([sorted(JSON.parse(text)), conflicts]).toEqual([sorted(alone), []]);
        // The result does not depend on earlier changes, and a second run writes nothing.
        const last = { access: 'local', labels: ['b=9'] } as const;
        const fresh = new Map([[daemonFile, JSON.stringify(alone)]]);
        for (const some of [files, fresh]) provision(some, last);
        expect(sorted(JSON.parse(files.get(daemonFile) ?? ''))).toEqual(
          sorted(JSON.parse(fresh.get(daemonFile) ?? '')),
        );
        expect(splitOptions(files, optionsOf(last)).files).toEqual([]);
      }),
    );
  });

  test('removing an option restores the exact text of daemon.json', () => {
    const mine = '{ "mtu": 1500,\n      "labels": ["o=1"] }';
    const files = new Map([[daemonFile, mine]]);
    provision(files, { access: 'local', options: ['mtu=1400'], labels: ['b=1'] });
    expect(JSON.parse(files.get(daemonFile) ?? '')).toEqual({ mtu: 1400, labels: ['o=1', 'b=1'] });
    provision(files, { access: 'local' });
    expect(files.get(daemonFile)).toBe(mine);
  });

  test("a value that replaced belt's is never undone", () => {
    const files = new Map([[daemonFile, '{"mtu": 1500}']]);
    provision(files, { access: 'local', options: ['mtu=1400'] });
    edit(files, () => ({ mtu: 1300 }));
    expect(withoutBelt(files)).toEqual({ text: '{\n    "mtu": 1300\n}', conflicts: ['mtu'] });
    provision(files, { access: 'local', options: ['mtu=1400'] });
    expect(JSON.parse(files.get(daemonFile) ?? '')).toEqual({ mtu: 1400 });
    provision(files, { access: 'local' });
    expect(JSON.parse(files.get(daemonFile) ?? '')).toEqual({ mtu: 1300 });
  });

  test('belt writes nothing when only others change daemon.json', () => {
    const files = new Map([[daemonFile, '{"mtu": 1500}']]);
    provision(files, { access: 'local', options: ['mtu=1400'] });
    edit(files, (keys) => ({ x: 1, ...keys }));
    expect(splitOptions(files, optionsOf({ access: 'local', options: ['mtu=1400'] })).files).toEqual([]);
  });
});

describe('releasing a machine', () => {
  const leave = (path: string, found: Map<string, string>, now: Map<string, string>) =>
    sharedFiles.find((file) => file.path === path)?.leave(found, now);

  test('releasing restores a daemon.json that an earlier belt had changed', () => {
    const asWas = new Map([
      [daemonFile, '{"mtu": 1400}'],
      [`${daemonFile}.before-belt`, '{"mtu": 1500}'],
      [`${daemonFile}.by-belt`, '{"mtu": 1400}'],
    ]);
    const now = new Map([
      [daemonFile, '{"mtu": 1200, "x": 1}'],
      [`${daemonFile}.before-belt`, '{"mtu": 1500}'],
      [`${daemonFile}.by-belt`, '{"mtu": 1200}'],
    ]);
    expect(JSON.parse(leave(daemonFile, asWas, now)?.text ?? '')).toEqual({ mtu: 1400, x: 1 });
    now.set(daemonFile, '{"mtu": 1200}');
    expect(leave(daemonFile, asWas, now)?.text).toBe('{"mtu": 1400}');
  });

  const conf = '/etc/conf.d/docker';
  test('property: releasing removes the marked block and keeps the text around it', () => {
    const text = fc.string().filter((some) => !some.includes('belt:'));
    fc.assert(
      fc.property(text, text, (before, after) => {
        const now = withMarkedBlock(before, ['A=1']);
        const found = new Map([[conf, before]]);
        expect(leave(conf, found, new Map([[conf, now]]))?.text).toBe(before);
        if (after === '') return;
        const rest = before === '' || before.endsWith('\n') ? before : `${before}\n`;
        expect(leave(conf, found, new Map([[conf, now + after]]))?.text).toBe(rest + after);
      }),
    );
  });

  test('releasing removes a file that belt created, and only the block from others', () => {
    const none = new Map<string, string>();
    expect(leave(conf, none, new Map([[conf, withMarkedBlock('', ['A=1'])]]))).toEqual({ conflicts: [] });
    expect(leave(conf, none, new Map([[conf, withMarkedBlock('B=2\n', ['A=1'])]]))?.text).toBe('B=2\n');
    expect(leave(conf, new Map([[conf, 'B=2\n']]), none)).toEqual({ conflicts: [] });
  });

  test('releasing restores a block that existed before', () => {
    const found = withMarkedBlock('B=2\n', ['A=1']);
    const now = withMarkedBlock('B=2\n', ['A=2']);
    expect(leave(conf, new Map([[conf, found]]), new Map([[conf, now]]))?.text).toBe(found);
    expect(leave(conf, new Map([[conf, found]]), new Map([[conf, `C=3\n${now}`]]))?.text).toBe(
      `C=3\n${found}`,
    );
  });
});

/** As read from a file: JSON has no -0. */
function roundTrip<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}

/** Compares lists as sets, since their order may change. */
function sorted(keys: Json): Json {
  return Object.fromEntries(
    Object.entries(keys).map(([key, value]) => [key, Array.isArray(value) ? value.toSorted() : value]),
  );
}
