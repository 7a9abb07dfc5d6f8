// What join() has prepared of a room; not for applications. Made by join.ts.

import type { RoomCrypto } from './encryption.ts';
import type { JoinOptions } from './join-options.ts';
import type { Preparation } from './prepare.ts';

export interface RoomSetup {
  readonly url: string;
  readonly options: JoinOptions;
  readonly preparation: Preparation;
  readonly crypto: RoomCrypto | null;
}
