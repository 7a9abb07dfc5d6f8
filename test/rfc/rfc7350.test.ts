// RFC 7350: STUN and TURN over DTLS. What is the same as over UDP is tested there; here is what DTLS brings.
/* oxlint-disable vitest/no-standalone-expect -- onBoth and onCore are tests */

import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { DTLS_IDLE_MS_MAX } from '../../turn/limits.ts';
import { BINDING, receivedBy, TurnClient } from '../support/turn/client.ts';
import { DtlsCaller } from '../support/turn/dtls-caller.ts';
import { DtlsWorld, overDtls, pemCertificate } from '../support/turn/dtls-world.ts';
import { onBoth, onCore, onWildcard } from '../support/turn/drivers.ts';
import { inTurn } from '../support/turn/in-turn.ts';
import { message } from '../support/turn/message.ts';
import { ReceivedMessage } from '../support/turn/received.ts';
import { address } from '../support/turn/world.ts';

const XOR_MAPPED_ADDRESS = 0x0020;
const DTLS_APPLICATION_DATA = 23;

/** The certificate that the server has shown, by its hash. */
const shown = ({ certificate }: DtlsCaller): string => certificate!.fingerprint256;

const binding = (): Uint8Array => message(BINDING, randomBytes(12));

onBoth(
  'RFC 7350 s3: a Binding request is answered through the session, with the address of the client',
  overDtls(async (dtls) => {
    await inTurn([4, 6] as const, async (family) => {
      const caller = await (await dtls.caller(family)).connect();
      caller.send(binding());
      const { bytes } = await caller.receive();
      const [mapped] = new ReceivedMessage(bytes).addresses(XOR_MAPPED_ADDRESS);
      expect(mapped?.toString()).toBe(caller.address.toString());
      expect(caller.got.at(-1)![0]).toBe(DTLS_APPLICATION_DATA);
    });
  }),
);

onBoth(
  'RFC 7350 s3: STUN outside of a session is not answered',
  overDtls(async (dtls) => {
    const caller = await dtls.caller();
    caller.endpoint.send(binding(), dtls.listener4);
    expect(await caller.endpoint.rest()).toEqual([]);
    await caller.connect();
    caller.endpoint.send(binding(), dtls.listener4);
    expect(await caller.endpoint.rest()).toEqual([]);
  }),
);

onBoth(
  'RFC 7350 s3: flights of a handshake are of 1,200 bytes at most',
  overDtls(async (dtls) => {
    const caller = await (await dtls.caller()).connect();
    const longest = Math.max(...caller.got.map(({ length }) => length));
    expect(longest).toBeLessThanOrEqual(1200);
  }),
);

onBoth(
  'RFC 7350 s4.6: an allocation made over DTLS relays both ways, one message a record and ChannelData not padded',
  overDtls(async (dtls) => {
    const client = await dtls.client();
    const { relayed } = await client.allocate();
    const peer = await dtls.world.endpoint();
    await client.permit(peer.address);
    client.sendTo(peer.address, Buffer.from('said'));
    expect(await receivedBy(peer)).toEqual([`${relayed.toString()} said`]);
    peer.send(Buffer.from('heard'), relayed);
    expect(await client.relayedToMe()).toEqual([`data ${peer.address.toString()} heard`]);
    await client.bind(0x4000, peer.address);
    client.sendChannel(0x4000, Buffer.from('by channel'));
    expect(await receivedBy(peer)).toEqual([`${relayed.toString()} by channel`]);
    // `relayedToMe` holds the message to the length that its header says.
    peer.send(Buffer.from('seven..'), relayed);
    expect(await client.relayedToMe()).toEqual(['channel 0x4000 seven..']);
  }),
);

onBoth(
  'RFC 7350 s4.6: the same address over UDP is another 5-tuple, with an allocation of its own',
  overDtls(async (dtls) => {
    const { world } = dtls;
    const secure = await dtls.client();
    const { endpoint } = secure.endpoint as DtlsCaller;
    const plain = new TurnClient(endpoint, world.listener4);
    await plain.challenge();
    const relays = [await secure.allocate(), await plain.allocate()];
    expect(new Set(relays.map(({ relayed }) => relayed.port)).size).toBe(2);
    expect(world.server.stats().allocations).toBe(2);
  }),
);

onBoth(
  'RFC 7350 s4.6: two clients over DTLS reach each other',
  overDtls(async (dtls) => {
    const one = await dtls.client();
    const other = await dtls.client();
    const { relayed: ofOne } = await one.allocate();
    const { relayed: ofOther } = await other.allocate();
    await one.permit(ofOther);
    await other.permit(ofOne);
    one.sendTo(ofOther, Buffer.from('to the other'));
    expect(await other.relayedToMe()).toEqual([`data ${ofOne.toString()} to the other`]);
    other.sendTo(ofOne, Buffer.from('and back'));
    expect(await one.relayedToMe()).toEqual([`data ${ofOther.toString()} and back`]);
  }),
);

onBoth(
  'RFC 7350 s4.6: close_notify of the client is answered, and its allocation ends with the session',
  overDtls(async (dtls) => {
    const { world } = dtls;
    const client = await dtls.client();
    await client.allocate();
    const caller = client.endpoint as DtlsCaller;
    caller.hangUp();
    await caller.rest();
    expect(caller.closed).toBe(true);
    expect(dtls.clients.stats()).toMatchObject({ sessions: 0, handshaking: 0 });
    expect(world.events.deleted).toMatchObject([{ reason: 'disconnected' }]);
    caller.transmit(caller.sent.at(-2)!);
    expect(await caller.rest()).toEqual([]);
  }),
);

onBoth(
  'RFC 7350 s4.6: a new session of the address has no part in the allocation of the old one',
  overDtls(async (dtls) => {
    const client = await dtls.client();
    await client.allocate();
    const { endpoint, server } = client.endpoint as DtlsCaller;
    const young = await dtls.callerAt(endpoint, server).connect();
    expect(dtls.world.events.deleted).toMatchObject([{ reason: 'disconnected' }]);
    const again = new TurnClient(young, server);
    await again.challenge();
    expect((await again.allocate()).response.messageClass).toBe('success');
  }),
);

onCore(
  'RFC 7350 s4.6: a session is kept as long as its allocation, silent or not',
  overDtls(async (dtls) => {
    const { world } = dtls;
    const client = await dtls.client();
    await client.allocate();
    await inTurn([1, 2, 3], async () => {
      world.advance(2 * DTLS_IDLE_MS_MAX);
      world.sweep();
      expect(dtls.clients.stats().sessions).toBe(1);
      await Promise.resolve();
    });
    expect((await client.refresh(0)).messageClass).toBe('success');
    world.advance(2 * DTLS_IDLE_MS_MAX);
    world.sweep();
    expect(dtls.clients.stats().sessions).toBe(0);
  }),
);

onCore(
  'RFC 7350 s4.6: what no record holds is not sent, and the session goes on',
  overDtls(async (dtls) => {
    const client = await dtls.client();
    const { relayed } = await client.allocate();
    const peer = await dtls.world.endpoint();
    await client.bind(0x4000, peer.address);
    const longest = Buffer.alloc(16_384 - 4, 'x');
    peer.send(longest, relayed);
    expect(await client.relayedToMe()).toEqual([`channel 0x4000 ${longest.toString()}`]);
    peer.send(Buffer.alloc(longest.length + 1), relayed);
    expect(await client.relayedToMe()).toEqual([]);
    expect(dtls.clients.stats().unsent).toBe(1);
    expect((await client.refresh()).messageClass).toBe('success');
  }),
);

onBoth('RFC 7350 s4.6: a server that stops says close_notify', async (world) => {
  const dtls = await DtlsWorld.open(world);
  const caller = await (await dtls.caller()).connect();
  dtls.clients.close();
  await caller.rest();
  expect(caller.closed).toBe(true);
  dtls.close();
});

onBoth(
  'RFC 7350 s3: a new certificate is for new sessions, and those that are there go on',
  overDtls(async (dtls) => {
    const before = await (await dtls.caller()).connect();
    dtls.clients.replaceCertificate(pemCertificate());
    const after = await (await dtls.caller()).connect();
    expect(shown(after)).not.toBe(shown(before));
    expect(() => dtls.clients.replaceCertificate({ cert: 'none', key: 'none' })).toThrow(/PEM/);
    await inTurn([before, after], async (caller) => {
      caller.send(binding());
      expect(new ReceivedMessage((await caller.receive()).bytes).messageClass).toBe('success');
    });
    before.hangUp();
    await before.rest();
    const last = await (await dtls.caller()).connect();
    expect(shown(last)).toBe(shown(after));
  }),
);

it.runIf(process.platform === 'linux')(
  'RFC 7350 s3: a wildcard listener answers from the address that was asked',
  onWildcard(async (world) => {
    const dtls = await DtlsWorld.open(world, pemCertificate(), ['0.0.0.0', '::']);
    const { listener4, listener6 } = dtls;
    const places = [address('127.0.0.1', listener4.port), address('127.0.0.2', listener4.port)];
    // The IPv6 wildcard, which takes IPv4 as well here.
    await inTurn([...places, address('127.0.0.2', listener6.port)], async (asked) => {
      const caller = dtls.callerAt(await world.endpoint(), asked);
      caller.transmit(caller.step()[0]!);
      const { from, bytes } = await caller.endpoint.receive();
      expect(from.toString()).toBe(asked.toString());
      for (const datagram of caller.take(bytes)) caller.transmit(datagram);
      await caller.finish();
    });
    expect(dtls.clients.stats().sessions).toBe(3);
    dtls.close();
  }),
);
