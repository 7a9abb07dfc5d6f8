// What an admitted participant can do by its WebSocket, and what many of them can who never send any media.

import { Signaling } from './signaling.ts';
import { tracksOf } from './description.ts';
import { fixture } from '../sdp.ts';
import { mutateSdp } from '../sdp-mutations.ts';
import type { Attack } from './attack.ts';
import { refused } from './attack.ts';
import { JoinRefused, LivePeer } from './live-peer.ts';
import { TRANSPORTS_MAX } from './meeting.ts';

const times = (count: number, act: (index: number) => void): void => {
  for (let i = 0; i < count; i++) act(i);
};

/** Who is put out for it comes back with another name. */
const messages: Attack = {
  name: 'mute, subscribe, unknown messages and text that is no JSON, as fast as they go',
  rounds: 60,
  begin: ({ hostile, meeting, chance }) => {
    let peer = hostile.signaling;
    const others = meeting.people.flatMap((one) => one.peer.tracks);
    const [track] = hostile.tracks;
    let i = 1000;
    return async (round) => {
      if (peer.closed) {
        const next = await LivePeer.join(meeting.settings({ sends: 1, receives: 4 }));
        peer = next.signaling;
        next.closeMedia();
      }
      times(100, () => {
        // At first nothing but what is allowed, only too much of it.
        const kind = round < 20 ? 2 * chance.below(2) : chance.below(6);
        i++;
        if (kind === 0) peer.send({ type: 'mute', i, track, muted: i % 2 === 0 });
        else if (kind === 1) peer.send({ type: 'mute', i, track: others[0], muted: true });
        else if (kind === 2) {
          const tracks = Array.from({ length: 256 }, (_, n) => ({
            track: others[n % others.length],
            on: chance.below(2) === 0,
            pin: chance.below(2) === 0,
          }));
          peer.send({ type: 'subscribe', i, tracks });
        } else if (kind === 3)
          peer.send({ type: 'bind', i, map: [{ mid: '0', track: others[0] }] });
        else if (kind === 4) peer.sendText('{"type":"need"');
        else peer.send({ type: 'offer', i, id: i, sdp: 'v=0', tracks: [] });
      });
    };
  },
  counted: [refused('RATE_LIMITED'), refused('BAD_MESSAGE')],
  lingers: true,
};

/** Offers as long as they may be, with more sections than anybody has, contradictory, begun anew. */
const offers: Attack = {
  name: 'offers: huge, contradictory, of hundreds of sections, each of another PeerConnection',
  rounds: 40,
  begin: ({ hostile, chance }) => {
    const recorded = ['chromium-slots', 'firefox-slots', 'chromium-session-4-recycled'].map(
      fixture,
    );
    return async (round) => {
      const many = hostile.offer({ sends: 16, receives: 9 + round });
      const long = `${hostile.offer()}${'a=x:'.padEnd(4000, 'y')}\r\n`.padEnd(
        49_000,
        'a=ice-lite\r\n',
      );
      const texts = [
        many,
        long,
        hostile.offer({ sends: 1, receives: 300 }),
        mutateSdp(chance.pick(recorded), chance, chance.pick(recorded)),
        many.replaceAll('a=setup:active', 'a=setup:passive').replace('a=mid:0', 'a=mid:1'),
      ];
      for (const sdp of texts) {
        const tracks = tracksOf({ sends: chance.below(17), receives: 0 });
        await hostile.offerAgain(sdp, { tracks, reset: chance.below(2) === 0 });
      }
    };
  },
  counted: [refused('RATE_LIMITED'), refused('BAD_MESSAGE')],
  lingers: true,
};

/** Who has joined, and will never send any media. */
const idle: Signaling[] = [];

/** Joins with an offer, over and over, and never a packet: until the server has all the transports that it will have. */
const abandoned: Attack = {
  name: 'transports to the limit, abandoned',
  rounds: TRANSPORTS_MAX + 20,
  begin:
    ({ meeting }) =>
    async () => {
      try {
        const peer = await LivePeer.join(meeting.settings({ sends: 1, receives: 4 }));
        peer.closeMedia();
        idle.push(peer.signaling);
      } catch (error) {
        // From the limit on there is no room, and nobody is let in without media.
        if (!(error instanceof JoinRefused && error.reason === 'MEDIA_UNAVAILABLE')) throw error;
      }
    },
  counted: [['sterna_signaling_joins_total'], refused('MEDIA_UNAVAILABLE')],
  filled: { sterna_sfu_transports: TRANSPORTS_MAX },
  end: async () => {
    // Half of them leave; the others are cut off, and gone when their time to come back is over.
    for (const [i, one] of idle.splice(0).entries()) {
      if (i % 2 === 0) await one.leave();
      else one.drop();
    }
  },
};

export const SIGNALING_ATTACKS: readonly Attack[] = [messages, offers, abandoned];
