// What happens to the page that holds a room: it is closed, or its network changes.

import { watchNetwork } from './network-watch.ts';

/** Calls until the returned function is called. */
export function watchPage(on: { networkChange: () => void; hide: () => void }): () => void {
  const unwatchNetwork = watchNetwork(() => on.networkChange());
  const onPageHide = (): void => on.hide();
  addEventListener('pagehide', onPageHide);
  return () => {
    unwatchNetwork();
    removeEventListener('pagehide', onPageHide);
  };
}
