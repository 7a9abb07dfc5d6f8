// A whole media transport against an independent agent of the test: by every path, in both DTLS roles, with the
// nomination before DTLS or after it; packets both ways; the end by either side.
/* oxlint-disable vitest/no-standalone-expect -- onNets, onEngines and onCore are tests */

import { afterAll, expect } from 'vitest';
import type { SfuPath } from '../../../sfu/control.ts';
import { CERTIFICATE_B, contextOf } from '../../support/sfu/dtls-end.ts';
import { onNets } from '../../support/sfu/media-drivers.ts';
import { MediaPeer, type PeerOptions } from '../../support/sfu/media-peer.ts';
import { type MediaWorld, PATIENT } from '../../support/sfu/media-world.ts';
import { exchangeMedia } from './transport-media.ts';

const clients = contextOf(CERTIFICATE_B, PATIENT);
afterAll(() => clients.free());

const peerOf = (world: MediaWorld, options: PeerOptions = {}): MediaPeer =>
  new MediaPeer(world, clients, options);

const PATHS: readonly SfuPath[] = ['udp', 'tcp', 'relay'];

for (const kind of PATHS) {
  for (const setup of ['passive', 'active'] as const) {
    for (const nominate of ['at-once', 'later'] as const) {
      onNets(
        `by ${kind}, ${setup} in DTLS, nominated ${nominate}: connects, and packets pass both ways`,
        async (world) => {
          const peer = peerOf(world, { setup });
          await peer.connect(kind, nominate);
          const { transport, observer } = peer;
          expect(observer.heard).toEqual(['connected']);
          expect([transport.state, transport.path]).toEqual(['connected', kind]);
          expect(world.server.stats()).toMatchObject({ transports: 1, connecting: 0 });
          await exchangeMedia(peer, 65_535);
          await exchangeMedia(peer, 0);
          expect(world.drops()).toEqual({});
          transport.close();
          transport.close();
          await peer.settle();
          expect(peer.dtls.closed).toEqual([{ reason: 'peer-closed', detail: '' }]);
          expect([transport.state, transport.path]).toEqual(['closed', '']);
          expect(observer.heard).toEqual(['connected']);
          expect(world.server.stats()).toMatchObject({ transports: 0, streams: 0 });
          expect(world.closedStreams).toHaveLength(kind === 'tcp' ? 1 : 0);
        },
      );
    }
  }
}
