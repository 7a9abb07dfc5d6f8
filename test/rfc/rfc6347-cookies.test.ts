// RFC 6347 s4.2: what a DTLS listener of TURN answers before it keeps anything, and whom it believes.
/* oxlint-disable vitest/no-standalone-expect -- onBoth and onCore are tests */

import { expect } from 'vitest';
import { COOKIE_SECRET_MS, DTLS_IDLE_MS_MAX } from '../../turn/limits.ts';
import { BINDING } from '../support/turn/client.ts';
import type { DtlsCaller } from '../support/turn/dtls-caller.ts';
import { overDtls, type DtlsWorld } from '../support/turn/dtls-world.ts';
import { onBoth, onCore } from '../support/turn/drivers.ts';
import { inTurn } from '../support/turn/in-turn.ts';
import { message } from '../support/turn/message.ts';
import type { World } from '../support/turn/world.ts';

// Offsets in a datagram with one record of one handshake message (s4.1, s4.2.2).
const RECORD_SEQUENCE = 5;
const RECORD_LENGTH = 11;
const MESSAGE_TYPE = 13;
const MESSAGE_SEQUENCE = 17;
const FRAGMENT_OFFSET = 19;
const FRAGMENT_LENGTH = 22;
const BODY = 25;
const RANDOM = BODY + 2;
const SESSION_ID = BODY + 34;

const HELLO_VERIFY_REQUEST = 3;
const SERVER_HELLO = 2;

const NOBODY = { sessions: 0, handshaking: 0 };

/** What comes back for one datagram. */
async function answersTo(caller: DtlsCaller, datagram: Buffer): Promise<Buffer[]> {
  caller.transmit(datagram);
  return (await caller.endpoint.rest()).map(({ bytes }) => bytes);
}

const typeOf = (datagram: Buffer | undefined): number | undefined => datagram?.[MESSAGE_TYPE];

function bent(datagram: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(datagram);
  copy[at] = value;
  return copy;
}

/** The message in two records: the first has `length` bytes of its body. */
function fragments(hello: Buffer, length: number, secondRecord: number): [Buffer, Buffer] {
  const first = Buffer.from(hello.subarray(0, BODY + length));
  const second = Buffer.concat([hello.subarray(0, BODY), hello.subarray(BODY + length)]);
  second.writeUIntBE(secondRecord, RECORD_SEQUENCE, 6);
  second.writeUIntBE(length, FRAGMENT_OFFSET, 3);
  for (const part of [first, second]) {
    part.writeUInt16BE(part.length - MESSAGE_TYPE, RECORD_LENGTH);
    part.writeUIntBE(part.length - BODY, FRAGMENT_LENGTH, 3);
  }
  return [first, second];
}

/** Whether STUN is answered through the session. */
async function serves(caller: DtlsCaller): Promise<boolean> {
  caller.send(message(BINDING, Buffer.alloc(12, 7)));
  return (await caller.receive()).bytes.readUInt16BE(0) === 0x0101;
}

onBoth(
  'RFC 6347 s4.2.1: a ClientHello without a cookie is answered by a smaller HelloVerifyRequest, and nothing is kept',
  overDtls(async (dtls) => {
    const caller = await dtls.caller();
    const [first] = caller.step();
    first!.writeUIntBE(0x0102_0304_0506, RECORD_SEQUENCE, 6);
    const answers = await answersTo(caller, first!);
    expect(answers).toHaveLength(1);
    const [verify] = answers;
    expect(verify!.length).toBeLessThan(first!.length);
    // The record has the number of the question's, the message is the first of the server, and both say DTLS 1.0.
    expect(verify!.subarray(0, BODY + 3).toString('hex')).toBe(
      '16feff' +
        '0000' +
        '010203040506' +
        '002f' +
        '03000023' +
        '0000' +
        '000000' +
        '000023' +
        'feff20',
    );
    expect(dtls.clients.stats()).toMatchObject(NOBODY);
  }),
);

onBoth(
  'RFC 6347 s4.2.1: who sends the cookie back is served, and ServerHello has the record number of that ClientHello',
  overDtls(async (dtls) => {
    await inTurn([4, 6] as const, async (family) => {
      const caller = await dtls.caller(family);
      const { second } = await caller.hello();
      second.writeUIntBE(41, RECORD_SEQUENCE, 6);
      caller.transmit(second);
      await caller.finish();
      const serverHello = caller.got[1]!;
      expect([typeOf(serverHello), serverHello.readUIntBE(RECORD_SEQUENCE, 6)]).toEqual([
        SERVER_HELLO,
        41,
      ]);
      expect(serverHello.readUInt16BE(MESSAGE_SEQUENCE)).toBe(1);
      expect(await serves(caller)).toBe(true);
    });
    expect(dtls.clients.stats()).toMatchObject({ sessions: 2, handshaking: 0, handshakes: 2 });
  }),
);

onBoth(
  'RFC 6347 s4.2.1: a cookie of another address, another ClientHello or nobody is as good as none',
  overDtls(async (dtls) => {
    const caller = await dtls.caller();
    const other = await dtls.caller();
    const { second } = await caller.hello();
    const cookieAt = SESSION_ID + 2;
    const attempts: [DtlsCaller, Buffer][] = [
      [other, second],
      [caller, bent(second, RANDOM, second[RANDOM]! ^ 1)],
      [caller, bent(second, cookieAt, second[cookieAt]! ^ 1)],
      // The first message of a client has no cookie.
      [caller, bent(second, MESSAGE_SEQUENCE + 1, 0)],
    ];
    await inTurn(attempts, async ([who, datagram]) => {
      expect((await answersTo(who, datagram)).map(typeOf)).toEqual([HELLO_VERIFY_REQUEST]);
    });
    expect(dtls.clients.stats()).toMatchObject(NOBODY);
  }),
);

onCore('RFC 6347 s4.2.1: a cookie outlives one change of the secret and not two', async (world) => {
  await inTurn([1, 2] as const, async (changes) => {
    await overDtls<typeof world>(async (dtls) => {
      const caller = await dtls.caller();
      const { second } = await caller.hello();
      world.advance(changes * COOKIE_SECRET_MS);
      const [answer] = await answersTo(caller, second);
      expect(typeOf(answer)).toBe(changes === 1 ? SERVER_HELLO : HELLO_VERIFY_REQUEST);
    })(world);
  });
});

onCore(
  'RFC 6347 s4.2.1: HelloVerifyRequest and first flight are one against the cap on unauthenticated replies',
  overDtls(async (dtls) => {
    await inTurn([1, 2, 3], async () => {
      const caller = await dtls.caller();
      const { second } = await caller.hello();
      expect((await answersTo(caller, second)).map(typeOf)).toEqual([SERVER_HELLO]);
    });
    const one = await dtls.caller();
    expect(await answersTo(one, one.step()[0]!)).toEqual([]);
    expect(dtls.clients.stats().failures).toMatchObject({ 'unauthenticated-cap': 1 });
  }),
  { unauthorizedPerSecond: 3 },
);

onBoth(
  'RFC 6347 s4.2.2: a ClientHello in fragments will do, if its first has the cookie',
  overDtls(async (dtls) => {
    const caller = await dtls.caller();
    const [first] = caller.step();
    const [begin, rest] = fragments(first!, 40, 1);
    expect(await answersTo(caller, rest)).toEqual([]);
    const [verify] = await answersTo(caller, begin);
    expect(typeOf(verify)).toBe(HELLO_VERIFY_REQUEST);
    expect(verify!.length).toBeLessThanOrEqual(begin.length);
    const [second] = caller.take(verify!);
    // Record 0 is free: whoever had it has kept nothing.
    const [cookie, tail] = fragments(second!, 80, 0);
    caller.transmit(cookie);
    caller.transmit(tail);
    await caller.finish();
    expect(await serves(caller)).toBe(true);
  }),
);

onBoth(
  'RFC 6347 s4.1.2.7: what is no record, or not whole, is passed over without a word',
  overDtls(async (dtls) => {
    const caller = await dtls.caller();
    const { first, second } = await caller.hello();
    const idLength = bent(second, SESSION_ID, 33);
    const lies = [FRAGMENT_LENGTH, RECORD_LENGTH].map((at) => bent(second, at + 1, 0xff));
    const datagrams = [
      Buffer.alloc(0),
      first.subarray(0, 12),
      first.subarray(0, first.length - 1),
      bent(first, 1, 3),
      bent(first, BODY, 3),
      bent(first, FRAGMENT_OFFSET + 2, 1),
      bent(first, 3, 1),
      idLength,
      ...lies,
      fragments(first, 34, 1)[0],
      fragments(first, 10, 1)[0],
      Buffer.alloc(1200, 0x16),
      Buffer.alloc(1200, 0x17),
    ];
    await inTurn(datagrams, async (datagram) => {
      expect(await answersTo(caller, datagram)).toEqual([]);
    });
    expect(dtls.clients.stats()).toMatchObject(NOBODY);
    caller.transmit(second);
    await caller.finish();
    await inTurn(datagrams, async (datagram) => {
      expect(await answersTo(caller, datagram)).toEqual([]);
    });
    expect(await serves(caller)).toBe(true);
  }),
);

/** Another client at the address of a first one, as after a restart. */
function another<W extends World>(dtls: DtlsWorld<W>, caller: DtlsCaller): DtlsCaller {
  return dtls.callerAt(caller.endpoint, caller.server);
}

onBoth(
  'RFC 6347 s4.2.8: an association ends for a new one of its address once the cookie has come back, and not before',
  overDtls(async (dtls) => {
    const old = await (await dtls.caller()).connect();
    const young = another(dtls, old);
    const { second } = await young.hello();
    expect(await serves(old)).toBe(true);
    young.transmit(second);
    await young.finish();
    expect(await serves(young)).toBe(true);
    expect(dtls.clients.stats()).toMatchObject({ sessions: 1, handshaking: 0, handshakes: 2 });
  }),
);

onBoth(
  'RFC 6347 s4.2.8: the ClientHello of the association itself, sent again, changes nothing',
  overDtls(async (dtls) => {
    const caller = await dtls.caller();
    const { first, second } = await caller.hello();
    caller.transmit(second);
    caller.transmit(second);
    await caller.finish();
    caller.transmit(second);
    expect((await answersTo(caller, first)).map(typeOf)).toEqual([HELLO_VERIFY_REQUEST]);
    expect(await serves(caller)).toBe(true);
    expect(dtls.clients.stats()).toMatchObject({ sessions: 1, handshakes: 1 });
  }),
);

onCore(
  'RFC 6347 s4.1.2.6: a record that comes twice is taken once, one that was changed never',
  overDtls(async (dtls) => {
    const caller = await (await dtls.caller()).connect();
    const [sealed] = caller.sealed(message(BINDING, Buffer.alloc(12, 7)));
    caller.transmit(sealed!);
    caller.transmit(sealed!);
    const [forged] = caller.sealed(message(BINDING, Buffer.alloc(12, 8)));
    caller.transmit(bent(forged!, forged!.length - 1, forged!.at(-1)! ^ 1));
    expect(await caller.rest()).toHaveLength(1);
    expect(dtls.clients.stats().sessions).toBe(1);
  }),
);

onCore(
  'RFC 6347 s4.2.4: a handshake that stays half-open is given up after 10 s',
  overDtls(async (dtls) => {
    const { world } = dtls;
    const caller = await dtls.caller();
    const { second } = await caller.hello();
    await answersTo(caller, second);
    world.advance(9999);
    world.sweep();
    expect(dtls.clients.stats()).toMatchObject({ sessions: 0, handshaking: 1 });
    world.advance(5);
    world.sweep();
    expect(dtls.clients.stats()).toMatchObject({ ...NOBODY, failures: { timeout: 1 } });
  }),
);

onCore(
  'RFC 6347 s4.2.8: a silent association without an allocation is closed',
  overDtls(async (dtls) => {
    const { world } = dtls;
    const caller = await (await dtls.caller()).connect();
    world.advance(DTLS_IDLE_MS_MAX - 1);
    world.sweep();
    expect(await serves(caller)).toBe(true);
    world.advance(DTLS_IDLE_MS_MAX - 1);
    world.sweep();
    expect(dtls.clients.stats().sessions).toBe(1);
    world.advance(5);
    world.sweep();
    expect(await caller.rest()).toEqual([]);
    expect(caller.closed).toBe(true);
    expect(dtls.clients.stats()).toMatchObject(NOBODY);
  }),
);
