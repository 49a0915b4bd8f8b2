/** A function that makes its value when first called, and knows whether it was. */
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
