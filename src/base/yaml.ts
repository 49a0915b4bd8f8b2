/**
 * What belt uses of the YAML parser. Who needs it imports this file when it is needed, since the parser takes some 20 ms to load;
 * a dynamic import of the package itself would lose its names in the bundle.
 */
export {
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  stringify,
} from 'yaml';
