/** What was given of a driver's flags, by the setting's key. */
export function settingsGiven(
  driver: string,
  flags: Readonly<Record<string, unknown>>,
): Record<string, string | number | boolean | string[] | undefined> {
  const prefix = `${driver}-`;
  const given = Object.entries(flags).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(
    given.map(([name, value]) => [
      name.slice(prefix.length).replaceAll('-', '_'),
      value as string | undefined,
    ]),
  );
}
