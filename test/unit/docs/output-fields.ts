import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const root = join(import.meta.dirname, '../../..');
const commandsFolder = join(root, 'src/commands');

/** Fields of a document, such as `ok[].name` and `size?`, with `string`, `number` or `boolean`. */
export type Fields = ReadonlyMap<string, string>;

export interface OutputTypes {
  /** Result types by command name, such as `swarm ls`. */
  results: ReadonlyMap<string, Fields>;
  errorCodes: readonly string[];
}

/** Reads the result types of commands with the TypeScript compiler. */
export function readOutputTypes(): OutputTypes {
  const commands = readdirSync(commandsFolder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => path.slice(0, -'.ts'.length));
  const commandFile = (name: string): string => join(commandsFolder, `${name}.ts`);
  const localFile = (name: string): string => join(root, `src/cli/fast-path/print-${name}.ts`);
  const errorsFile = join(root, 'src/base/errors.ts');
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const local = ['env', 'config', 'url'];
  const program = ts.createProgram(
    [...commands.map(commandFile), ...local.map(localFile), errorsFile],
    options,
  );
  const checker = program.getTypeChecker();

  const exported = (file: string, name: string): ts.Symbol => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(file) as ts.SourceFile);
    return checker.tryGetMemberInModuleExports(name, module as ts.Symbol) as ts.Symbol;
  };
  const returnType = (callable: ts.Type): ts.Type => {
    const [signature] = callable.getCallSignatures();
    return checker.getAwaitedType((signature as ts.Signature).getReturnType()) as ts.Type;
  };
  const resultOf = (name: string): ts.Type => {
    const command = checker.getDeclaredTypeOfSymbol(exported(commandFile(name), 'default'));
    return returnType(checker.getTypeOfSymbol(command.getProperty('run') as ts.Symbol));
  };
  const documentOf = (name: string): ts.Type => {
    const answer = returnType(checker.getTypeOfSymbol(exported(localFile(name), name)));
    return checker.getTypeOfSymbol(answer.getProperty('document') as ts.Symbol);
  };

  const results = new Map<string, Fields>();
  for (const name of commands.sort()) {
    const fields = fieldsOf(local.includes(name) ? documentOf(name) : resultOf(name), checker);
    if (fields.size > 0) results.set(name.replaceAll('/', ' '), fields);
  }
  const codes = checker.getDeclaredTypeOfSymbol(exported(errorsFile, 'ErrorCode')) as ts.UnionType;
  return { results, errorCodes: codes.types.map((code) => (code as ts.StringLiteralType).value) };
}

function fieldsOf(type: ts.Type, checker: ts.TypeChecker): Fields {
  const fields = new Map<string, Set<string>>();
  collect(type, '');
  return new Map([...fields].map(([path, types]) => [path, [...types].sort().join(' or ')]));

  function collect(part: ts.Type, path: string): void {
    const element = checker.isArrayType(part) && checker.getTypeArguments(part as ts.TypeReference)[0];
    if (element) collect(element, `${path}[]`);
    else if (part.isUnion()) for (const one of part.types) collect(one, path);
    else if (part.flags & ts.TypeFlags.Object || part.isIntersection()) collectProperties(part, path);
    else if (path !== '') add(path, primitiveOf(part));
  }

  function collectProperties(part: ts.Type, path: string): void {
    const prefix = path === '' ? '' : `${path}.`;
    const [index] = checker.getIndexInfosOfType(part);
    if (index) collect(index.type, `${prefix}*`);
    for (const property of checker.getPropertiesOfType(part)) {
      const optional = property.flags & ts.SymbolFlags.Optional ? '?' : '';
      collect(checker.getTypeOfSymbol(property), `${prefix}${property.name}${optional}`);
    }
  }

  function add(path: string, type: string | undefined): void {
    if (type !== undefined) fields.set(path, (fields.get(path) ?? new Set()).add(type));
  }
}

/** Undefined: JSON has no such value. */
function primitiveOf({ flags }: ts.Type): string | undefined {
  if (flags & ts.TypeFlags.StringLike) return 'string';
  if (flags & ts.TypeFlags.NumberLike) return 'number';
  if (flags & ts.TypeFlags.BooleanLike) return 'boolean';
  if (flags & ts.TypeFlags.Null) return 'null';
  return undefined;
}
