import { UserError } from '../../base/errors.js';
import { callFunction } from './functions.js';
import type { Command, Operand, Pipeline, TemplateNode } from './parse.js';
import { type GoValue, isList, isMap, isTrue, print, sortedKeys, typeOf } from './value.js';

/** The result of a field that the data itself lacks. */
export type MissingField = 'no value' | 'error';

/** @throws UserError in Go's words */
export function evaluate(nodes: readonly TemplateNode[], data: GoValue, missing: MissingField): string {
  const run = new Run(data, missing);
  return run.all(nodes, { dot: data, variables: new Map([['$', { value: data }]]) });
}

interface Scope {
  dot: GoValue;
  /** Holders are shared with inner scopes, which may assign to them. */
  variables: Map<string, { value: GoValue }>;
}

class Run {
  constructor(
    private readonly data: GoValue,
    private readonly missing: MissingField,
  ) {}

  all(nodes: readonly TemplateNode[], scope: Scope): string {
    return nodes.map((node) => this.one(node, scope)).join('');
  }

  private one(node: TemplateNode, scope: Scope): string {
    if (node.kind === 'text') return node.text;
    if (node.kind === 'print') {
      const value = this.pipeline(node.pipeline, scope);
      return node.pipeline.variables.length > 0 ? '' : print(value);
    }
    if (node.kind === 'range') return this.range(node, inner(scope));
    const within = inner(scope);
    const value = this.pipeline(node.pipeline, within);
    if (!isTrue(value)) return this.all(node.otherwise, inner(scope));
    return this.all(node.body, node.kind === 'with' ? innerWith(value, within) : within);
  }

  private range(
    { pipeline, body, otherwise }: TemplateNode & { kind: 'range' | 'if' | 'with' },
    scope: Scope,
  ) {
    const value = this.commands(pipeline.commands, scope);
    const entries = this.entries(value, pipeline);
    if (entries.length === 0) return this.all(otherwise, scope);
    const [first, second] = pipeline.variables;
    return entries
      .map(([key, item]) => {
        const each = innerWith(item, scope);
        if (second !== undefined) each.variables.set(second, { value: item });
        if (first !== undefined) each.variables.set(first, { value: second === undefined ? item : key });
        return this.all(body, each);
      })
      .join('');
  }

  private entries(value: GoValue, { commands }: Pipeline): (readonly [GoValue, GoValue])[] {
    if (value === null || value === undefined) return [];
    if (isList(value)) return value.map((item, index) => [index, item]);
    if (isMap(value)) return sortedKeys(value).map((key) => [key, value[key]]);
    if (typeof value === 'number' && Number.isInteger(value))
      return Array.from({ length: Math.max(0, value) }, (_, index) => [index, index]);
    throw executionError(commands.at(-1)?.text ?? '', `range can't iterate over ${print(value)}`);
  }

  private pipeline(pipeline: Pipeline, scope: Scope): GoValue {
    const value = this.commands(pipeline.commands, scope);
    for (const name of pipeline.variables) {
      const holder = scope.variables.get(name);
      if (pipeline.assigns && holder) holder.value = value;
      else scope.variables.set(name, { value });
    }
    return value;
  }

  private commands(commands: readonly Command[], scope: Scope): GoValue {
    return commands.reduce<GoValue>(
      (value, command, index) => this.command(command, index === 0 ? [] : [value], scope),
      undefined,
    );
  }

  private command({ operands, text }: Command, piped: readonly GoValue[], scope: Scope): GoValue {
    const [first, ...rest] = operands as [Operand, ...Operand[]];
    try {
      if (first.kind === 'function')
        return callFunction(first.name, [...rest.map((operand) => this.operand(operand, scope)), ...piped]);
      if (rest.length + piped.length > 0) throw new Error(`can't give argument to non-function ${text}`);
      return this.operand(first, scope);
    } catch (error) {
      if (error instanceof UserError) throw error;
      const hint =
        isList(this.data) && isList(scope.dot) ? "-o go-template='{{range .}}{{.name}}{{end}}'" : undefined;
      throw executionError(text, (error as Error).message, hint);
    }
  }

  private operand(operand: Operand, scope: Scope): GoValue {
    switch (operand.kind) {
      case 'value':
        return operand.value;
      case 'dot':
        return scope.dot;
      case 'variable':
        return scope.variables.get(operand.name)?.value;
      case 'function':
        return callFunction(operand.name, []);
      case 'pipeline':
        return this.pipeline(operand.pipeline, scope);
      case 'fields':
        return operand.names.reduce<GoValue>(
          (value, name) => this.field(value, name),
          this.operand(operand.of, scope),
        );
    }
  }

  private field(value: GoValue, name: string): GoValue {
    if (value === null || value === undefined) throw new Error(`nil pointer evaluating interface {}.${name}`);
    if (!isMap(value)) throw new Error(`can't evaluate field ${name} in type ${typeOf(value)}`);
    if (Object.hasOwn(value, name)) return value[name];
    if (value !== this.data || this.missing === 'no value') return undefined;
    throw new Error(`can't evaluate field ${name}; there are ${Object.keys(value).join(', ')}`);
  }
}

/** The block's variables end with it. */
function inner({ dot, variables }: Scope): Scope {
  return { dot, variables: new Map(variables) };
}

function innerWith(dot: GoValue, { variables }: Scope): Scope {
  return { dot, variables: new Map(variables) };
}

function executionError(text: string, reason: string, hint?: string): UserError {
  const details = hint === undefined ? {} : { hint };
  return new UserError(`template: :1: executing "" at <${text}>: ${reason}`, details);
}
