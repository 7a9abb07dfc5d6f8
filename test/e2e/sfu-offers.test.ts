// What the browser SDK negotiates with a server that forwards media, in real Chromium: the real signaling, and media
// workers that only write down what they are told. No packet of media flows here.

import { describe, expect, test } from 'vitest';
import { recordedMedia } from '../support/recorded-media.ts';
import { SdkPage } from '../support/sdk-page.ts';

const world = recordedMedia();

/** `microphone`, `camera` and so on of what arrives from somebody now, in alphabetical order. */
const arriving = (page: SdkPage, name: string): Promise<string[]> =>
  page.page.evaluate((who) => {
    const found = [...window.room.participants.values()].find((one) => one.name === who);
    return (found?.publications ?? [])
      .flatMap(({ source, track, stream }) =>
        track && stream.getTracks()[0] === track ? [source as string] : [],
      )
      .toSorted();
  }, name);

const BOTH = ['camera', 'microphone'];

/** The state of every connection that the page has made, in order. */
const connections = (page: SdkPage): Promise<string[]> =>
  page.page.evaluate(() => window.pcs.map((pc) => pc.signalingState));

/** Waits until those tracks of somebody arrive and no others. */
const gets = (page: SdkPage, name: string, sources = BOTH): Promise<void> =>
  expect.poll(() => arriving(page, name)).toEqual(sources);

describe('joining', () => {
  test('takes one message with one offer, answered in one', async () => {
    const ann = await world.enter('ann');
    await expect.poll(() => ann.page.evaluate(() => window.room.timeline().answer)).toBeDefined();
    expect(await ann.sent()).toEqual(['join']);
    expect(await ann.descriptions()).toEqual(['offer']);
    const { mode, timeline } = await ann.page.evaluate(() => ({
      mode: window.room.info.mode,
      timeline: window.room.timeline(),
    }));
    expect(mode).toBe('sfu');
    expect(timeline.offerBytes).toBeLessThan(20_000);
    const { media } = world.plane.current.last('sfu.open');
    expect(media.sections.map(({ kind, direction }) => `${kind} ${direction}`)).toEqual([
      'audio recvonly',
      'video recvonly',
      ...Array<string>(2).fill('audio sendonly'),
      ...Array<string>(4).fill('video sendonly'),
    ]);
    expect(media.sections[0]?.codecs[0]?.name).toBe('opus');
    expect(media.sections[1]?.codecs[0]?.name).toBe('VP8');
    expect(media.publications).toHaveLength(2);
  });

  test('and leaving need no description of those who are there', async () => {
    const ann = await world.enter('ann');
    const bob = await world.enter('bob');
    const cleo = await world.enter('cleo');
    for (const [page, others] of [
      [ann, ['bob', 'cleo']],
      [bob, ['ann', 'cleo']],
      [cleo, ['ann', 'bob']],
    ] as const) {
      for (const other of others) await gets(page, other);
      expect(await page.sent()).toEqual(['join']);
      expect(await page.descriptions()).toEqual(['offer']);
    }
    await bob.page.evaluate(() => window.room.leave());
    await ann.heard('left bob LEFT');
    await gets(cleo, 'ann');
    expect(await arriving(ann, 'bob')).toEqual([]);
    expect(await ann.descriptions()).toEqual(['offer']);
  });

  test('more tracks than slots are one more offer, up to what is wanted', async () => {
    const ann = await world.enter('ann', { media: false, want: { audio: 3 } });
    const others = ['bob', 'cleo', 'dora', 'emil'];
    for (const name of others) await world.enter(name);
    await expect.poll(() => ann.lines()).toEqual([3 + 4]);
    expect(await ann.sent()).toEqual(['join', 'offer']);
    await expect
      .poll(
        async () => (await Promise.all(others.map((name) => arriving(ann, name)))).flat().length,
      )
      .toBe(3 + 4);
  });

  test('offers no more than the token grants', async () => {
    const viewer = await world.enter('viewer', { grants: { canPublish: false } });
    const deaf = await world.enter('deaf', { grants: { canSubscribe: false } });
    await gets(viewer, 'deaf');
    expect(await viewer.page.evaluate(() => window.room.local.publications.length)).toBe(0);
    expect(await viewer.lines()).toEqual([2 + 4]);
    expect(await deaf.lines()).toEqual([2]);
    const neither = await world.enter('neither', {
      grants: { canSubscribe: false, canPublish: false },
    });
    expect(await neither.sent()).toEqual(['join']);
    expect(await neither.descriptions()).toEqual([]);
  });

  test('with a grant that comes later, slots come with it', async () => {
    const deaf = await world.enter('deaf', { media: false, grants: { canSubscribe: false } });
    const boss = await world.enter('boss', { grants: { roomAdmin: true } });
    await boss.page.evaluate(async () => {
      const [deafOne] = window.room.participants.values();
      if (deafOne) await window.room.moderation.permit(deafOne, { canSubscribe: true });
    });
    await gets(deaf, 'boss');
    expect(await deaf.sent()).toEqual(['join', 'offer']);
  });
});

describe('prepare()', () => {
  test('makes the one connection that the join uses', async () => {
    const ann = await world.enter('ann');
    const bob = await world.enter('bob', { prepared: true });
    await gets(bob, 'ann');
    await gets(ann, 'bob');
    expect(await bob.sent()).toEqual(['join']);
    expect(await connections(bob)).toEqual(['stable']);
    expect(await connections(ann)).toEqual(['stable']);
    expect(await bob.lines()).toEqual([2 + 4 + 2]);
  });

  test('knows nothing of what the join wants', async () => {
    const ann = await world.enter('ann', { prepared: true, relayOnly: true });
    const policies = await ann.page.evaluate(() =>
      window.pcs.map((pc) => pc.getConfiguration().iceTransportPolicy),
    );
    expect(policies).toEqual(['relay']);
    const bob = await world.enter('bob', { prepared: true, want: { video: 1 } });
    await gets(bob, 'ann');
    expect(await connections(bob)).toEqual(['closed', 'stable']);
    expect(await bob.lines()).toEqual([2 + 1 + 2]);
    const deaf = await world.enter('deaf', { prepared: true, grants: { canSubscribe: false } });
    expect(await connections(deaf)).toHaveLength(2);
    expect(await deaf.lines()).toEqual([2]);
  });
});

describe('publishing', () => {
  test('later is an offer, and ending it another; the section is used again', async () => {
    const ann = await world.enter('ann');
    const bob = await world.enter('bob', { media: false });
    await gets(bob, 'ann');
    await bob.page.evaluate(() => window.room.local.enableCamera(true));
    await gets(ann, 'bob', ['camera']);
    const lines = await bob.lines();
    expect(await bob.sent()).toEqual(['join', 'offer']);
    await bob.page.evaluate(async () => {
      const { local } = window.room;
      for (const publication of local.publications) await local.unpublish(publication);
    });
    await gets(ann, 'bob', []);
    await bob.page.evaluate(() => window.room.local.enableCamera(true));
    await gets(ann, 'bob', ['camera']);
    expect(await bob.lines()).toEqual(lines);
    expect(await bob.sent()).toEqual(['join', 'offer', 'offer', 'offer']);
    expect(await ann.descriptions()).toEqual(['offer']);
  });

  test('a screen has its name, its sound and its own stream', async () => {
    const ann = await world.enter('ann', { media: false });
    const bob = await world.enter('bob');
    await gets(ann, 'bob');
    await bob.page.evaluate(async () => {
      const canvas = document.createElement('canvas');
      canvas.getContext('2d')?.fillRect(0, 0, 10, 10);
      const track = canvas.captureStream(5).getVideoTracks()[0];
      if (track) await window.room.local.publish(track, { source: 'screen', name: 'slides' });
    });
    await gets(ann, 'bob', ['camera', 'microphone', 'screen']);
    const seen = await ann.page.evaluate(() => {
      const [participant] = window.room.participants.values();
      const screen = participant?.publications.find(({ source }) => source === 'screen');
      return {
        name: screen?.name,
        inStream: participant?.stream.getTracks().map(({ kind }) => kind),
        apart: screen?.stream.getTracks().length,
      };
    });
    expect(seen).toEqual({ name: 'slides', inStream: ['audio', 'video'], apart: 1 });
  });

  test('another device is no offer', async () => {
    const ann = await world.enter('ann');
    await ann.page.evaluate(async () => {
      const devices = await navigator.mediaDevices.enumerateDevices();
      const device = devices.find(({ kind }) => kind === 'videoinput');
      await window.room.local.switchDevice('camera', device?.deviceId ?? '');
    });
    expect(await ann.sent()).toEqual(['join']);
    expect(
      await ann.page.evaluate(() => {
        const sent = new Set(window.pcs.flatMap((pc) => pc.getSenders().map(({ track }) => track)));
        return window.room.local.publications.every(({ track }) => sent.has(track));
      }),
    ).toBe(true);
  });

  test('what the server refuses is taken back, and the rest goes on', async () => {
    const ann = await world.enter('ann');
    const reason = await ann.page.evaluate(async () => {
      const { local } = window.room;
      const camera = window.media.getVideoTracks()[0];
      const more = Array.from({ length: 15 }, () => camera?.clone()).flatMap((one) => one ?? []);
      return local
        .publish(new MediaStream(more), { source: 'other' })
        .then(() => '')
        .catch((error: unknown) =>
          error instanceof window.sdk.SternaClientError ? error.reason : String(error),
        );
    });
    expect(reason).toMatch(/TOO_LARGE|BAD_MESSAGE/);
    await expect.poll(() => ann.page.evaluate(() => window.room.local.publications.length)).toBe(2);
    const bob = await world.enter('bob', { media: false });
    await gets(bob, 'ann');
    await bob.page.evaluate(() => window.room.local.enableCamera(true));
    await gets(ann, 'bob', ['camera']);
  });
});

describe('muting', () => {
  test('is a message, and others see it', async () => {
    const ann = await world.enter('ann');
    const bob = await world.enter('bob');
    await gets(bob, 'ann');
    const states = (): Promise<unknown> =>
      bob.page.evaluate(() => {
        const [participant] = window.room.participants.values();
        const muted = participant?.publications.flatMap(({ source, muted: is }) =>
          is ? [source] : [],
        );
        return [participant?.microphone, participant?.camera, muted];
      });
    expect(await states()).toEqual(['on', 'on', []]);
    await ann.page.evaluate(() => window.room.local.enableMicrophone(false));
    await expect.poll(states).toEqual(['off', 'on', ['microphone']]);
    expect(await ann.sent()).toEqual(['join', 'mute']);
    await ann.page.evaluate(() => window.room.local.enableMicrophone(true));
    await expect.poll(states).toEqual(['on', 'on', []]);
    expect(await ann.page.evaluate(() => window.room.self.microphone)).toBe('on');
  });

  test('from the start, and by somebody who may', async () => {
    const boss = await world.enter('boss', { media: false, grants: { roomAdmin: true } });
    const ann = await SdkPage.open(world.browser, world.server);
    await ann.page.evaluate(() => {
      for (const track of window.media.getVideoTracks()) track.enabled = false;
    });
    await ann.join({ identity: 'ann' });
    const states = (): Promise<unknown> =>
      boss.page.evaluate(() => {
        const [participant] = window.room.participants.values();
        return [participant?.microphone, participant?.camera];
      });
    await expect.poll(states).toEqual(['on', 'off']);
    await boss.page.evaluate(async () => {
      const [participant] = window.room.participants.values();
      if (participant) await window.room.moderation.mute(participant);
    });
    await expect.poll(states).toEqual(['off', 'off']);
    expect(await ann.page.evaluate(() => window.room.local.microphoneEnabled)).toBe(false);
    await ann.page.evaluate(() => window.room.local.enableMicrophone(true));
    await expect.poll(states).toEqual(['on', 'off']);
    await boss.page.evaluate(async () => {
      const [participant] = window.room.participants.values();
      if (participant) await window.room.moderation.kick(participant, 'enough');
    });
    await ann.heard('closed KICKED');
  });
});

/** Bob leaves while Ann's socket is away. */
async function away(): Promise<SdkPage> {
  const ann = await world.enter('ann');
  const bob = await world.enter('bob');
  await world.enter('cleo');
  await Promise.all([gets(ann, 'bob'), gets(ann, 'cleo')]);
  world.server.unreachable = true;
  world.server.cutSocketOf(await ann.sid());
  await ann.heard('state reconnecting');
  await bob.page.evaluate(() => window.room.leave());
  await expect.poll(() => Object.values(world.plane.current.slots(1))).toContain(0);
  world.server.unreachable = false;
  await ann.heard('state connected resumed');
  await ann.heard('left bob');
  return ann;
}

describe('repairing', () => {
  test('media that the server has lost is set up anew, under the same names', async () => {
    const [ann, bob] = [await world.enter('ann'), await world.enter('bob')];
    await Promise.all([gets(ann, 'bob'), gets(bob, 'ann')]);
    const sids = (): Promise<string[]> =>
      bob.page.evaluate(() =>
        [...window.room.participants.values()].flatMap(({ publications }) =>
          publications.map(({ sid }) => sid),
        ),
      );
    const before = await sids();
    const [{ id } = { id: 0 }] = world.plane.current.all('sfu.open');
    world.plane.emit({ type: 'sfu.state', id, state: 'closed', path: '', reason: 'full' });
    await expect.poll(() => world.plane.current.all('sfu.open').length).toBe(3);
    await Promise.all([gets(ann, 'bob'), gets(bob, 'ann')]);
    expect(await sids()).toEqual(before);
    expect(await ann.sent()).toEqual(['join', 'offer']);
    expect(await ann.lines()).toEqual([2 + 2 + 4]);
    expect(await bob.descriptions()).toEqual(['offer']);
    expect(await ann.events()).toContain('no track bob audio');
  });

  test('a network that changes restarts ICE with one offer', async () => {
    const ann = await world.enter('ann');
    await expect.poll(() => ann.page.evaluate(() => window.room.timeline().answer)).toBeDefined();
    const before = await ann.fragments();
    await ann.page.evaluate(() => window.dispatchEvent(new Event('online')));
    await expect.poll(() => ann.fragments()).not.toEqual(before);
    await expect
      .poll(() => world.plane.current.all('sfu.change').some(({ ice }) => ice))
      .toBe(true);
    expect(await ann.sent()).toEqual(['join', 'offer']);
  });

  test('what happened while the socket was away is known after it', async () => {
    const ann = await away();
    await gets(ann, 'cleo');
    expect(await ann.sent()).toEqual(['join', 'join']);
    expect(await ann.descriptions()).toEqual(['offer']);
  });

  test('and so it is when pushes were lost', async () => {
    await world.restart({ limits: { pushRing: { messages: 1, bytes: 100_000 } } });
    const ann = await away();
    await gets(ann, 'cleo');
    expect(await ann.sent()).toEqual(['join', 'join']);
    expect(await ann.descriptions()).toEqual(['offer']);
  });

  test('a server that starts again is joined anew', async () => {
    const [ann, bob] = [
      await world.enter('ann', { renews: true }),
      await world.enter('bob', { renews: true }),
    ];
    await Promise.all([gets(ann, 'bob'), gets(bob, 'ann')]);
    const { port } = world.server;
    await world.restart({ port });
    await Promise.all([
      ann.heard('state connected rejoined'),
      bob.heard('state connected rejoined'),
    ]);
    await Promise.all([gets(ann, 'bob'), gets(bob, 'ann')]);
    for (const page of [ann, bob]) {
      expect((await page.lines()).length).toBe(1);
      expect((await page.sent()).filter((type) => type === 'join').length).toBeGreaterThan(1);
      expect((await page.sent()).filter((type) => type === 'offer')).toEqual([]);
    }
  });
});
