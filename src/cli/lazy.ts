/** Creates its value on the first call. */
interface Once<T> {
  (): Promise<T>;
  called: boolean;
}

export function once<T>(create: () => Promise<T>): Once<T> {
  let value: Promise<T> | undefined;
  const get = (): Promise<T> => {
    get.called = true;
    value ??= create();
    return value;
  };
  get.called = false;
  return get;
}
