// Tells when the browser's network has changed, as far as it says: back online, or another kind of link.

/** `navigator.connection` (Network Information API), where there is one. */
function linkOf(navigator: object): EventTarget | undefined {
  const link = 'connection' in navigator ? navigator.connection : undefined;
  return link instanceof EventTarget ? link : undefined;
}

function kindOf(link: EventTarget | undefined): unknown {
  return link && 'type' in link ? link.type : undefined;
}

/** Calls `onChange` until the returned function is called; does nothing outside a browser. */
export function watchNetwork(onChange: () => void): () => void {
  if (typeof addEventListener !== 'function' || typeof navigator === 'undefined') {
    return () => undefined;
  }
  const link = linkOf(navigator);
  let kind = kindOf(link);
  const onLinkChange = (): void => {
    // `change` also fires for new estimates of speed, which are no reason to restart anything.
    if (kindOf(link) === kind) return;
    kind = kindOf(link);
    onChange();
  };
  addEventListener('online', onChange);
  link?.addEventListener('change', onLinkChange);
  return () => {
    removeEventListener('online', onChange);
    link?.removeEventListener('change', onLinkChange);
  };
}
