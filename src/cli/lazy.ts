/** Creates its value on the first call. */
export interface Once<T> {
  (): Promise<T>;
  called: boolean;
}

export function once<T>(make: () => Promise<T>): Once<T> {
  let made: Promise<T> | undefined;
  const get = (): Promise<T> => {
    get.called = true;
    made ??= make();
    return made;
  };
  get.called = false;
  return get;
}
