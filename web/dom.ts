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

const SVG = 'http://www.w3.org/2000/svg';

/** A symbol of the page's sprite; what it means is said elsewhere. */
export function icon(symbol: string): SVGSVGElement {
  const element = document.createElementNS(SVG, 'svg');
  element.setAttribute('class', 'icon');
  element.setAttribute('aria-hidden', 'true');
  element.append(document.createElementNS(SVG, 'use'));
  setIcon(element, symbol);
  return element;
}

/** Shows another symbol of the page's sprite in a button or tile. */
export function setIcon(root: ParentNode, symbol: string): void {
  within(root, 'use', SVGUseElement).setAttribute('href', `#${symbol}`);
}
