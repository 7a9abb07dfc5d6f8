// What happens to the page that holds a room: it goes, it is shown again as it was, or its network changes.

import { watchNetwork } from './network-watch.ts';

export interface PageEvents {
  networkChange(): void;
  hide(): void;
  /** After `hide`: the browser had kept the page as it was. */
  show(): void;
}

/** Calls until the returned function is called. */
export function watchPage(on: PageEvents): () => void {
  const unwatchNetwork = watchNetwork(() => on.networkChange());
  const onHide = (): void => on.hide();
  const onShow = ({ persisted }: PageTransitionEvent): void => {
    if (persisted) on.show();
  };
  addEventListener('pagehide', onHide);
  addEventListener('pageshow', onShow);
  return () => {
    unwatchNetwork();
    removeEventListener('pagehide', onHide);
    removeEventListener('pageshow', onShow);
  };
}
