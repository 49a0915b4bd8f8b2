/** For placement constraints. @see moby/swarmkit manager/constraint/constraint.go */
export function labelFault(key: string, value: string): string | undefined {
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(key))
    return `"${key}" cannot be the key of a label: letters, digits, ".", "_" and "-" can, a letter, digit or "_" first`;
  if (/[\r\n\0]/.test(value)) return `the value of the label ${key} must be one line`;
  return undefined;
}
