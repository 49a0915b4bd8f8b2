import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expandEscapes, formatWithTemplate, type GoValue } from '../../../src/ui/go-template/index.js';
import { recordFault } from '../../lab/record-fault.js';

const data: GoValue = {
  Name: 'node1',
  Empty: '',
  Driver: { IPAddress: '10.0.0.2', SSHPort: 22, SwarmMaster: false, Nothing: null },
  HostOptions: {
    Memory: 1_048_576,
    EngineOptions: { Labels: ['a=b', 'c=d'], Env: [], Html: '<&>' },
    AuthOptions: { StorePath: '/store' },
  },
};

const render = (template: string): string => formatWithTemplate(template, data);

/** Expected texts are the output of Go's text/template for the same data. */
describe('Go templates', () => {
  test.each([
    ['{{.Name}}', 'node1'],
    ['{{ .Name }}', 'node1'],
    ['plain', 'plain'],
    ['{{.Driver.IPAddress}}:{{.Driver.SSHPort}}', '10.0.0.2:22'],
    ['{{.Driver.SwarmMaster}}', 'false'],
    ['{{.Nope}}', '<no value>'],
    ['{{.Driver.Nope}}', '<no value>'],
    ['{{.Driver.Nothing}}', '<no value>'],
    ['{{.HostOptions.EngineOptions.Labels}}', '[a=b c=d]'],
    ['{{.HostOptions.EngineOptions.Env}}', '[]'],
    ['{{.Driver}}', 'map[IPAddress:10.0.0.2 Nothing:<nil> SSHPort:22 SwarmMaster:false]'],
    ['{{json .Driver}}', '{"IPAddress":"10.0.0.2","Nothing":null,"SSHPort":22,"SwarmMaster":false}'],
    ['{{.Driver | json}}', '{"IPAddress":"10.0.0.2","Nothing":null,"SSHPort":22,"SwarmMaster":false}'],
    ['{{json .HostOptions.EngineOptions.Html}}', '"\\u003c\\u0026\\u003e"'],
    ['{{prettyjson .HostOptions.AuthOptions}}', '{\n    "StorePath": "/store"\n}'],
    ['{{json .Nope}}', 'null'],
    ['{{if .Driver.SwarmMaster}}yes{{else}}no{{end}}', 'no'],
    ['{{if .Empty}}a{{else if eq .Name "node1"}}b{{else}}c{{end}}', 'b'],
    ['{{if not .Empty}}set{{end}}', 'set'],
    ['{{if and .Name (gt .Driver.SSHPort 20)}}x{{end}}', 'x'],
    ['{{or .Empty "default"}}', 'default'],
    ['{{with .Driver}}{{.IPAddress}}{{end}}', '10.0.0.2'],
    ['{{with .Empty}}a{{else}}b{{end}}', 'b'],
    ['{{with $x := .Driver.SSHPort}}{{$x}}{{end}}', '22'],
    ['{{range .HostOptions.EngineOptions.Labels}}<{{.}}>{{end}}', '<a=b><c=d>'],
    ['{{range $i, $l := .HostOptions.EngineOptions.Labels}}{{$i}}={{$l}} {{end}}', '0=a=b 1=c=d '],
    ['{{range $k, $v := .HostOptions.AuthOptions}}{{$k}}:{{$v}}{{end}}', 'StorePath:/store'],
    ['{{range .HostOptions.EngineOptions.Env}}x{{else}}none{{end}}', 'none'],
    ['{{range .Driver}}{{$.Name}} {{end}}', 'node1 node1 node1 node1 '],
    ['{{len .HostOptions.EngineOptions.Labels}} {{len .Name}} {{len .Driver}}', '2 5 4'],
    ['{{index .HostOptions.EngineOptions.Labels 1}}', 'c=d'],
    ['{{index .Driver "IPAddress"}}', '10.0.0.2'],
    ['{{index .HostOptions "AuthOptions" "StorePath"}}', '/store'],
    ['{{(index .HostOptions "AuthOptions").StorePath}}', '/store'],
    ['{{slice .Name 1 3}}', 'od'],
    ['{{printf "%s-%d" .Name .Driver.SSHPort}}', 'node1-22'],
    [
      '{{printf "%-8s|%5d|%05d|%q|%v|%t" .Name 42 42 .Name .Driver.SSHPort true}}',
      'node1   |   42|00042|"node1"|22|true',
    ],
    ['{{.Driver.SSHPort | printf "%d/%s" 1}}', '1/%!s(float64=22)'],
    ['{{printf "%.2f %x %%" 1.5 255}}', '1.50 ff %'],
    ['{{printf "%s"}}', '%!s(MISSING)'],
    ['{{print .Name "x" 1 2}}', 'node1x1 2'],
    ['{{println "a" 1}}', 'a 1\n'],
    [
      '{{eq .Name "x" "node1"}} {{ne .Name "x"}} {{lt 1 2}} {{le 2 2}} {{ge 1 2}}',
      'true true true true false',
    ],
    ['{{$x := 1}}{{$x = 2}}{{$x}}', '2'],
    ['{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}', '2'],
    ['a  {{- .Name -}}  b', 'anode1b'],
    ['a {{/* a comment */}} b', 'a  b'],
    ['{{"quoted \\"text\\" \\u00e9"}}', 'quoted "text" é'],
    ['{{`raw \\n`}}', 'raw \\n'],
    ['{{nil | json}}', 'null'],
  ])('%s is executed as in Go', (template, expected) => {
    expect(render(template)).toBe(expected);
  });

  test('whole numbers are printed in full', () => {
    expect(render('{{.HostOptions.Memory}}')).toBe('1048576');
  });

  test.each([
    ['{{.Name', 'unclosed action'],
    ['{{.Name}', 'unexpected "}" in operand'],
    ['{{}}', 'missing value for command'],
    ['{{foo .Name}}', 'function "foo" not defined'],
    ['{{if .Name}}x', 'unexpected EOF'],
    ['{{end}}', 'unexpected {{end}}'],
    ['{{$x}}', 'undefined variable "$x"'],
    ['{{"abc}}', 'unterminated quoted string'],
    ['{{.Name | }}', 'missing value for command'],
    ['{{(.Name}}', 'unclosed left paren'],
    ['{{.Name)}}', 'unexpected right paren'],
    ['{{.Name & 1}}', "unrecognized character in action: U+0026 '&'"],
  ])("%s is refused with Go's message", (template, reason) => {
    expect(() => render(template)).toThrow(
      expect.objectContaining({
        name: 'UserError',
        message: `template parsing error: template: :1: ${reason}`,
      }),
    );
  });

  test('a syntax error names the line', () => {
    expect(() => render('a\nb {{nope}}')).toThrow(
      'template parsing error: template: :2: function "nope" not defined',
    );
  });

  test.each([
    ['{{.Nope.Sub}}', 'at <.Nope.Sub>: nil pointer evaluating interface {}.Sub'],
    ['{{.Name.Sub}}', "at <.Name.Sub>: can't evaluate field Sub in type string"],
    ['{{index .HostOptions.EngineOptions.Labels 2}}', 'error calling index: index out of range: 2'],
    ['{{lt .Name 1}}', 'error calling lt: incompatible types for comparison'],
    ['{{len .Nope}}', 'error calling len: len of nil pointer'],
    ['{{index}}', 'wrong number of args for index: want at least 1 got 0'],
  ])('%s fails when it is executed', (template, reason) => {
    expect(() => render(template)).toThrow(
      expect.objectContaining({ name: 'UserError', message: expect.stringContaining(reason) }),
    );
  });

  test('a field of a list suggests a range over it', () => {
    expect(() => formatWithTemplate('{{.Name}}', [{ name: 'a' }])).toThrow(
      expect.objectContaining({
        message: expect.stringContaining("can't evaluate field Name in type []interface {}"),
        hint: "-o go-template='{{range .}}{{.name}}{{end}}'",
      }),
    );
  });

  test('a row of a table knows all its fields, and any other field is an error', () => {
    expect(() => formatWithTemplate('{{.Nam}}', { Name: 'a', State: 'b' }, { missing: 'error' })).toThrow(
      "can't evaluate field Nam; there are Name, State",
    );
  });

  test('text without actions stays unchanged', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }).filter((text) => text.trim() !== '' && !text.includes('{{')),
        (text) => {
          expect(render(text)).toBe(text);
        },
      ),
    );
  });

  test('property: the json function prints data that parses to the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const shown = formatWithTemplate('{{json .}}', value as GoValue);
        expect(JSON.parse(shown)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('property: any template is executed or refused as a mistake of the user', () => {
    let tried = 0;
    const words = [
      '{{',
      '}}',
      '.Name',
      ' ',
      '|',
      '(',
      ')',
      '$x',
      ':=',
      'if',
      'end',
      'range',
      'json',
      '"a"',
      '1',
      'else',
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words)), (parts) => {
        tried++;
        try {
          render(parts.join(''));
        } catch (error) {
          expect((error as Error).name).toBe('UserError');
        }
      }),
    );
    recordFault({ kind: 'Untrusted input', fault: 'random text as a template', tried });
  });
});

test('\\t and \\n in single quotes are converted', () => {
  expect(expandEscapes(String.raw`{{.Name}}\t{{.State}}\n`)).toBe('{{.Name}}\t{{.State}}\n');
});
