import { printf } from './printf.js';
import { type GoValue, goJson, isList, isMap, isTrue, show, typeOf } from './value.js';

/** @throws Error whose message completes "error calling NAME: …" */
type TemplateFunction = (...values: GoValue[]) => GoValue;

/**
 * Go's text/template and docker-machine's functions. `and` and `or` evaluate all arguments, which
 * have no side effects here.
 */
const functions: Readonly<Record<string, TemplateFunction>> = {
  json: (value) => goJson(value),
  prettyjson: (value) => goJson(value, 4),
  len: (value) => lengthOf(value),
  index: (item, ...keys) => keys.reduce<GoValue>(entryOf, item),
  slice: (item, start = 0, end?) => sliceOf(item, start, end),
  print: (...values) => printAll(values),
  println: (...values) => `${values.map(show).join(' ')}\n`,
  printf: (format, ...values) => printf(textOf(format), values),
  urlquery: (...values) => encodeURIComponent(printAll(values)).replaceAll('%20', '+'),
  and: (...values) => values.find((value) => !isTrue(value)) ?? values.at(-1),
  or: (...values) => values.find(isTrue) ?? values.at(-1),
  not: (value) => !isTrue(value),
  eq: (one, ...others) => others.some((other) => areEqual(one, other)),
  ne: (one, other) => !areEqual(one, other),
  lt: (one, other) => isLess(one, other),
  le: (one, other) => !isLess(other, one),
  gt: (one, other) => isLess(other, one),
  ge: (one, other) => !isLess(one, other),
};

/** Default: 1. */
const leastArguments: Readonly<Record<string, number>> = {
  print: 0,
  println: 0,
  urlquery: 0,
  eq: 2,
  ne: 2,
  lt: 2,
  le: 2,
  gt: 2,
  ge: 2,
};

export function isKnownFunction(name: string): boolean {
  return Object.hasOwn(functions, name);
}

/** @throws Error without the template's name and position */
export function callFunction(name: string, values: readonly GoValue[]): GoValue {
  const least = leastArguments[name] ?? 1;
  if (values.length < least)
    throw new Error(`wrong number of args for ${name}: want at least ${least} got ${values.length}`);
  const call = functions[name] as TemplateFunction;
  try {
    return call(...values);
  } catch (error) {
    throw new Error(`error calling ${name}: ${(error as Error).message}`);
  }
}

function lengthOf(value: GoValue): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (isList(value)) return value.length;
  if (isMap(value)) return Object.keys(value).length;
  throw new Error(
    value === null || value === undefined ? 'len of nil pointer' : `len of type ${typeOf(value)}`,
  );
}

function entryOf(item: GoValue, key: GoValue): GoValue {
  if (isMap(item)) return Object.hasOwn(item, textOf(key)) ? item[textOf(key)] : undefined;
  if (isList(item)) return item[checkedIndex(key, item.length - 1)];
  if (typeof item === 'string') return Buffer.from(item)[checkedIndex(key, Buffer.byteLength(item) - 1)];
  throw new Error(
    item === null || item === undefined ? 'index of untyped nil' : `can't index item of type ${typeOf(item)}`,
  );
}

function sliceOf(item: GoValue, start: GoValue, end: GoValue): GoValue {
  if (!isList(item) && typeof item !== 'string') throw new Error(`can't slice item of type ${typeOf(item)}`);
  const last = end === undefined ? item.length : checkedIndex(end, item.length);
  return item.slice(checkedIndex(start, last), last);
}

function checkedIndex(key: GoValue, last: number): number {
  if (typeof key !== 'number' || !Number.isInteger(key))
    throw new Error(`cannot index slice/array with type ${typeOf(key)}`);
  if (key < 0 || key > last) throw new Error(`index out of range: ${key}`);
  return key;
}

/** Go puts a blank between two values if neither is a string. */
function printAll(values: readonly GoValue[]): string {
  return values.reduce<string>((text, value, index) => {
    const before = values[index - 1];
    const blank = index > 0 && typeof value !== 'string' && typeof before !== 'string';
    return `${text}${blank ? ' ' : ''}${show(value)}`;
  }, '');
}

function textOf(value: GoValue): string {
  if (typeof value === 'string') return value;
  throw new Error(`value has type ${typeOf(value)}; should be string`);
}

function areEqual(one: GoValue, other: GoValue): boolean {
  if (one === null || one === undefined || other === null || other === undefined)
    return (one ?? null) === (other ?? null);
  requireComparable(one, other);
  return one === other;
}

function isLess(one: GoValue, other: GoValue): boolean {
  requireComparable(one, other);
  if (typeof one === 'string') return Buffer.compare(Buffer.from(one), Buffer.from(other as string)) < 0;
  if (typeof one === 'number') return one < (other as number);
  throw new Error('invalid type for comparison');
}

function requireComparable(one: GoValue, other: GoValue): void {
  if (typeof one === 'object' || typeof other === 'object') throw new Error('non-comparable type');
  if (typeof one !== typeof other) throw new Error('incompatible types for comparison');
}
