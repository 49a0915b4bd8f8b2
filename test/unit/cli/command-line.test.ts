import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/base/errors.js';
import { readCommandLine } from '../../../src/cli/command-line.js';

const read = (text: string) => readCommandLine(text.split(' '));

describe('the command line', () => {
  test.each([
    ['ls', 'ls'],
    ['--cluster prod ls -q', 'ls -q --cluster prod'],
    ['-D ls', 'ls -D'],
    ['--cluster=prod swarm join node1 node2', 'swarm join node1 node2 --cluster=prod'],
    ['-s /store inspect node1', 'inspect node1 -s /store'],
    ['--host node2 swarm ls', 'swarm ls --host node2'],
    ['--debug inspect -- node1', 'inspect --debug -- node1'],
    ['--json ls', 'ls --json'],
    ['--native-ssh --github-api-token x ls', 'ls --native-ssh --github-api-token x'],
    ['help create', 'create --help'],
    ['help', '--help'],
    ['-debug -storage-path /store ls', 'ls --debug --storage-path /store'],
    ['--debug=false -D=true ls', 'ls --debug=false -D=true'],
    ['-h', '--help'],
    ['-help', '--help'],
    ['create -driver none -help', 'create -driver none --help'],
    ['rm -h', 'rm --help'],
    ['env --help', 'env --help'],
    ['docker --help', 'docker --help'],
    ['exec node1 --help -- ls', 'exec --help'],
    ['--host node2 docker --help', 'docker --help'],
  ])('"%s" is parsed by oclif, with global flags after the command', (typed, expected) => {
    expect(read(typed)).toEqual({ kind: 'command', argv: expected.split(' ') });
  });

  test.each([
    ['env node1', 'env', 'node1'],
    ['-s /store env -u', 'env', '-u -s /store'],
    ['--json url', 'url', '--json'],
    ['config node1 -D', 'config', 'node1 -D'],
  ])('"%s" is handled by the fast path', (typed, command, argv) => {
    expect(read(typed)).toEqual({ kind: 'local', command, argv: argv.split(' ') });
  });

  test('requests of completion scripts pass unchanged', () => {
    expect(read('__complete --cluster prod docker --')).toEqual({
      kind: 'complete',
      words: ['--cluster', 'prod', 'docker', '--'],
    });
  });

  test.each(['-v', '--version', '-version', '-D --version'])('"%s" prints the version', (typed) => {
    expect(read(typed)).toEqual({ kind: 'version' });
  });

  test.each([
    ['docker', { host: [] }, ''],
    ['docker ps', { host: [] }, 'ps'],
    ['docker service ls --help', { host: [] }, 'service ls --help'],
    ['--host node2 docker info', { host: ['node2'] }, 'info'],
    ['docker --host node2 info', { host: ['node2'] }, 'info'],
    ['docker --host=node2 info --host other', { host: ['node2'] }, 'info --host other'],
    ['--host a docker --host b ps', { host: ['a', 'b'] }, 'ps'],
    ['docker run --rm web:1 sh -- -c x', { host: [] }, 'run --rm web:1 sh -- -c x'],
    ['docker --tls info', { host: [] }, '--tls info'],
    ['docker -v', { host: [] }, '-v'],
    ['compose -f a.yml up --host x', { host: [] }, '-f a.yml up --host x'],
    ['--host node2 stack deploy -c a.yml web', { host: ['node2'] }, 'deploy -c a.yml web'],
    ['-s /store docker ps', { host: [], 'storage-path': '/store' }, 'ps'],
    ['ssh node1 ls -la --json', { host: [] }, 'node1 ls -la --json'],
    ['exec --limit 3 node[1:4] -- ls --all', { host: [], limit: 3 }, 'node[1:4] -- ls --all'],
    ['exec node1 -- ls -h', { host: [] }, 'node1 -- ls -h'],
    ['--native-ssh ssh node1', { host: [], 'native-ssh': true }, 'node1'],
    ['--tls-ca-cert ca.pem docker run -h web x', { host: [], 'tls-ca-cert': 'ca.pem' }, 'run -h web x'],
    ['-o json docker ps -o yaml', { host: [], output: 'json' }, 'ps -o yaml'],
    [
      '-debug docker --debug=false run -debug --rm=false web',
      { host: [], debug: false },
      'run -debug --rm=false web',
    ],
    [
      '-s=/store exec -all=1 -limit 3 -- ls -all',
      { host: [], 'storage-path': '/store', all: true, limit: 3 },
      '-- ls -all',
    ],
    ['--native-ssh=false ssh node1 -debug=false', { host: [], 'native-ssh': false }, 'node1 -debug=false'],
    ['exec node[1:4] --except node2 -- ls -l', { host: [], except: ['node2'] }, 'node[1:4] -- ls -l'],
    [
      'exec a --limit=2 b --except c -D d -- ls --limit 3',
      { host: [], limit: 2, except: ['c'], debug: true },
      'a b d -- ls --limit 3',
    ],
    ['exec node1 ls --all', { host: [] }, 'node1 ls --all'],
    ['ssh node1 --debug -- uptime', { host: [], debug: true }, 'node1 -- uptime'],
    ['ssh node1 -D 1080 -- uptime', { host: [] }, 'node1 -D 1080 -- uptime'],
    ['ssh node1 grep --debug -- x', { host: [] }, 'node1 grep --debug -- x'],
    ['exec --all -D -- ls -l', { host: [], all: true, debug: true }, '-- ls -l'],
  ])('"%s" keeps the remaining arguments for the other program', (typed, flags, tail) => {
    const [command] = /docker|compose|stack|ssh|exec/.exec(typed) as RegExpExecArray;
    expect(read(typed)).toEqual({
      kind: 'passthrough',
      command,
      flags,
      tail: tail === '' ? [] : tail.split(' '),
    });
  });

  test('property: arguments for another program stay unchanged', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (words) => {
        const tail = ['run', ...words];
        expect(readCommandLine(['docker', ...tail])).toMatchObject({ tail });
      }),
    );
  });

  test.each([
    'docker --host',
    'docker --debug=maybe ps',
    '--json=x docker ps',
    'exec --limit',
    'exec node1 --except -- ls',
    'exec node1 --exclude node2 -- ls',
    'exec node1 grep -r x -- ls',
    'exec --limit none node1 -- ls',
    'exec --json node1 ls',
    'exec --json -- ls',
    'exec -o json node1 -- ls',
    'exec --bogus',
  ])('"%s" is refused', (typed) => {
    expect(() => read(typed)).toThrow(UsageError);
  });
});
