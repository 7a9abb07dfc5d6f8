// Finding and making elements with their types checked at run time: a page and a script that drifted apart
// fail loudly.

/** The element with that id. */
export function byId<T extends Element>(id: string, type: new () => T): T {
  return within(document, `#${id}`, type);
}

/** The first element below `root` that matches. */
export function within<T extends Element>(
  root: ParentNode,
  selector: string,
  type: new () => T,
): T {
  const found = root.querySelector(selector);
  if (!(found instanceof type)) throw new Error(`The page has no ${type.name} at ${selector}`);
  return found;
}

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = '',
  text = '',
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

/** Shows another symbol of the page's sprite in a button or tile. */
export function setIcon(root: ParentNode, symbol: string): void {
  within(root, 'use', SVGUseElement).setAttribute('href', `#${symbol}`);
}
