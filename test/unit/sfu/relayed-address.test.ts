// Who comes by a relay of this process may be known inside it by another address than outside: it is told the one that
// it has outside, and so are those who ask for the report.
/* oxlint-disable vitest/no-standalone-expect -- onCore is a test */

import { afterAll, expect } from 'vitest';
import { CERTIFICATE_B, contextOf } from '../../support/sfu/dtls-end.ts';
import { onCore } from '../../support/sfu/media-drivers.ts';
import { MediaPeer } from '../../support/sfu/media-peer.ts';
import { PATIENT } from '../../support/sfu/media-world.ts';
import { ReceivedMessage } from '../../support/turn/received.ts';
import { address } from '../../support/turn/world.ts';
import { XOR_MAPPED_ADDRESS } from './ice-world.ts';

const clients = contextOf(CERTIFICATE_B, PATIENT);
afterAll(() => clients.free());

const OUTSIDE = address('2001:db8::7', 50_000);

for (const kind of ['relay', 'udp', 'tcp'] as const) {
  onCore(
    `by ${kind}: the mapped address and the family are those outside`,
    async (world) => {
      const peer = await new MediaPeer(world, clients).open(kind);
      const outside = kind === 'relay' ? OUTSIDE : peer.path.address;
      peer.check({ nominate: true });
      await world.net.settle();
      const answer = (await peer.path.take())
        .map((bytes) => Buffer.from(bytes))
        .find((bytes) => bytes[0]! < 4);
      const { outcome, address: found } = mapped(answer!);
      expect([outcome, found]).toEqual(['success', outside.toString()]);
      expect(peer.transport.report(world.now()).family).toBe(outside.family);
      expect(peer.transport.path).toBe(kind);
    },
    { relayedAddress: () => OUTSIDE },
  );
}

function mapped(bytes: Buffer): { outcome: string; address: string } {
  const message = new ReceivedMessage(bytes);
  return {
    outcome: message.outcome,
    address: message.address(XOR_MAPPED_ADDRESS).toString(),
  };
}
