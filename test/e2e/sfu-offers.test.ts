// What the browser SDK negotiates with a server that forwards media, in real Chromium: the real signaling, and media
// workers that only write down what they are told. No packet of media flows here.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { MiniServer } from '../support/mini-server.ts';
import type { MiniServerOptions } from '../support/mini-server.ts';
import { SdkPage } from '../support/sdk-page.ts';
import type { SdkJoin } from '../support/sdk-page.ts';
import { RecordedPlane } from '../unit/signaling/recorded-plane.ts';

let browser: Chromium;
let server: MiniServer;
let plane: RecordedPlane;

beforeAll(async () => {
  browser = await Chromium.launch();
});
afterAll(() => browser.close());
beforeEach(() => restart());
afterEach(async () => {
  await browser.closePages();
  await server.close();
  browser.throwErrors();
});

async function restart(options: MiniServerOptions = {}): Promise<void> {
  await (server as MiniServer | undefined)?.close();
  plane = new RecordedPlane();
  server = await MiniServer.start({ media: plane, ...options });
}

const enter = async (identity: string, options: SdkJoin = {}): Promise<SdkPage> => {
  const page = await SdkPage.open(browser, server);
  return page.join({ identity, ...options });
};

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

/** Waits until those tracks of somebody arrive and no others. */
const gets = (page: SdkPage, name: string, sources = BOTH): Promise<void> =>
  expect.poll(() => arriving(page, name)).toEqual(sources);

/** The number of the publication that a participant's newest transport has in that section. */
function publicationAt(mid: string, transport = plane.current.last('sfu.open').id): number {
  const setups = plane.current.commands.findLast(
    (one) => (one.type === 'sfu.open' || one.type === 'sfu.change') && one.id === transport,
  );
  if (setups?.type !== 'sfu.open' && setups?.type !== 'sfu.change') throw new Error('No transport');
  const found = setups.media.publications.find((one) => one.mid === mid);
  if (!found) throw new Error(`Nothing is published in ${mid}`);
  return found.publication;
}

describe('joining', () => {
  test('takes one message with one offer, answered in one', async () => {
    const ann = await enter('ann');
    await expect.poll(() => ann.page.evaluate(() => window.room.timeline().answer)).toBeDefined();
    expect(await ann.sent()).toEqual(['join']);
    expect(await ann.descriptions()).toEqual(['offer']);
    const { mode, timeline } = await ann.page.evaluate(() => ({
      mode: window.room.info.mode,
      timeline: window.room.timeline(),
    }));
    expect(mode).toBe('sfu');
    expect(timeline.offerBytes).toBeLessThan(20_000);
    const { media } = plane.current.last('sfu.open');
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
    const ann = await enter('ann');
    const bob = await enter('bob');
    const cleo = await enter('cleo');
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
    const ann = await enter('ann', { media: false, want: { audio: 3 } });
    const others = ['bob', 'cleo', 'dora', 'emil'];
    for (const name of others) await enter(name);
    await expect.poll(() => ann.lines()).toEqual([3 + 4]);
    expect(await ann.sent()).toEqual(['join', 'offer']);
    await expect
      .poll(
        async () => (await Promise.all(others.map((name) => arriving(ann, name)))).flat().length,
      )
      .toBe(3 + 4);
  });

  test('offers no more than the token grants', async () => {
    const viewer = await enter('viewer', { grants: { canPublish: false } });
    const deaf = await enter('deaf', { grants: { canSubscribe: false } });
    await gets(viewer, 'deaf');
    expect(await viewer.page.evaluate(() => window.room.local.publications.length)).toBe(0);
    expect(await viewer.lines()).toEqual([2 + 4]);
    expect(await deaf.lines()).toEqual([2]);
    const neither = await enter('neither', {
      grants: { canSubscribe: false, canPublish: false },
    });
    expect(await neither.sent()).toEqual(['join']);
    expect(await neither.descriptions()).toEqual([]);
  });

  test('with a grant that comes later, slots come with it', async () => {
    const deaf = await enter('deaf', { media: false, grants: { canSubscribe: false } });
    const boss = await enter('boss', { grants: { roomAdmin: true } });
    await boss.page.evaluate(async () => {
      const [deafOne] = window.room.participants.values();
      if (deafOne) await window.room.moderation.permit(deafOne, { canSubscribe: true });
    });
    await gets(deaf, 'boss');
    expect(await deaf.sent()).toEqual(['join', 'offer']);
  });
});

describe('publishing', () => {
  test('later is an offer, and ending it another; the section is used again', async () => {
    const ann = await enter('ann');
    const bob = await enter('bob', { media: false });
    await gets(bob, 'ann');
    await bob.page.evaluate(() => window.room.local.setCameraEnabled(true));
    await gets(ann, 'bob', ['camera']);
    const lines = await bob.lines();
    expect(await bob.sent()).toEqual(['join', 'offer']);
    await bob.page.evaluate(async () => {
      const { local } = window.room;
      for (const publication of local.publications) await local.unpublish(publication);
    });
    await gets(ann, 'bob', []);
    await bob.page.evaluate(() => window.room.local.setCameraEnabled(true));
    await gets(ann, 'bob', ['camera']);
    expect(await bob.lines()).toEqual(lines);
    expect(await bob.sent()).toEqual(['join', 'offer', 'offer', 'offer']);
    expect(await ann.descriptions()).toEqual(['offer']);
  });

  test('a screen has its name, its sound and its own stream', async () => {
    const ann = await enter('ann', { media: false });
    const bob = await enter('bob');
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
    const ann = await enter('ann');
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
    const ann = await enter('ann');
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
    const bob = await enter('bob', { media: false });
    await gets(bob, 'ann');
    await bob.page.evaluate(() => window.room.local.setCameraEnabled(true));
    await gets(ann, 'bob', ['camera']);
  });
});

describe('muting', () => {
  test('is a message, and others see it', async () => {
    const ann = await enter('ann');
    const bob = await enter('bob');
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
    await ann.page.evaluate(() => window.room.local.setMicrophoneEnabled(false));
    await expect.poll(states).toEqual(['off', 'on', ['microphone']]);
    expect(await ann.sent()).toEqual(['join', 'mute']);
    await ann.page.evaluate(() => window.room.local.setMicrophoneEnabled(true));
    await expect.poll(states).toEqual(['on', 'on', []]);
    expect(await ann.page.evaluate(() => window.room.self.microphone)).toBe('on');
  });

  test('from the start, and by somebody who may', async () => {
    const boss = await enter('boss', { media: false, grants: { roomAdmin: true } });
    const ann = await SdkPage.open(browser, server);
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
    await ann.page.evaluate(() => window.room.local.setMicrophoneEnabled(true));
    await expect.poll(states).toEqual(['on', 'off']);
    await boss.page.evaluate(async () => {
      const [participant] = window.room.participants.values();
      if (participant) await window.room.moderation.kick(participant, 'enough');
    });
    await ann.heard('closed KICKED');
  });
});

const shown = (page: SdkPage): Promise<string[]> =>
  page.page.evaluate(() =>
    [...window.room.participants.values()].flatMap(({ name, publications }) =>
      publications.some(({ source, track }) => source === 'camera' && track) ? [name] : [],
    ),
  );

const speak = (publication: number): void =>
  plane.emit({
    type: 'sfu.speakers',
    room: plane.current.last('sfu.open').room,
    speakers: [{ publication, level: 0.8, active: true }],
  });

const hears = (page: SdkPage, name: string): Promise<void> =>
  expect
    .poll(() => page.page.evaluate(() => window.room.activeSpeakers.map((one) => one.name)))
    .toEqual([name]);

/** Ann has one for a picture; everybody else has a camera. */
async function crowd(): Promise<[SdkPage, Map<string, number>]> {
  const publications = new Map<string, number>();
  for (const name of ['bob', 'cleo', 'dora']) {
    await enter(name);
    publications.set(name, publicationAt('0'));
  }
  const ann = await enter('ann', { media: false, want: { audio: 2, video: 1 } });
  await expect.poll(() => shown(ann)).toHaveLength(1);
  return [ann, publications];
}

describe('slots that run out', () => {
  test('show who speaks, with the same track and without an offer', async () => {
    const [ann, publications] = await crowd();
    const tracks = async (): Promise<string[]> =>
      ann.page.evaluate(() =>
        [...window.room.participants.values()].flatMap(({ stream }) =>
          stream.getVideoTracks().map(({ id }) => id),
        ),
      );
    const [before] = await tracks();
    for (const [name, publication] of [...publications].toReversed()) {
      speak(publication);
      await expect.poll(() => shown(ann)).toEqual([name]);
      await hears(ann, name);
    }
    expect(await tracks()).toEqual([before]);
    expect(await ann.sent()).toEqual(['join']);
    expect(await ann.descriptions()).toEqual(['offer']);
  });

  test('show who is pinned, whoever speaks, and never who is not wanted', async () => {
    const [ann, publications] = await crowd();
    const wish = (name: string, wanted: { on?: boolean; pin?: boolean }): Promise<void> =>
      ann.page.evaluate(
        async ([who, what]) => {
          const found = [...window.room.participants.values()].find((one) => one.name === who);
          const cameras = found?.publications.filter(({ source }) => source === 'camera') ?? [];
          await window.room.subscribe(cameras, what);
        },
        [name, wanted] as const,
      );
    await wish('cleo', { pin: true });
    await expect.poll(() => shown(ann)).toEqual(['cleo']);
    speak(publications.get('dora') ?? 0);
    await hears(ann, 'dora');
    expect(await shown(ann)).toEqual(['cleo']);
    await wish('cleo', { pin: false, on: false });
    await expect.poll(() => shown(ann)).toEqual(['dora']);
    speak(publications.get('cleo') ?? 0);
    await hears(ann, 'cleo');
    expect(await shown(ann)).toEqual(['dora']);
  });
});

/** Bob leaves while Ann's socket is away. */
async function away(): Promise<SdkPage> {
  const ann = await enter('ann');
  const bob = await enter('bob');
  await enter('cleo');
  await Promise.all([gets(ann, 'bob'), gets(ann, 'cleo')]);
  server.unreachable = true;
  server.cutSocketOf(await ann.sid());
  await ann.heard('state reconnecting');
  await bob.page.evaluate(() => window.room.leave());
  await expect.poll(() => Object.values(plane.current.slots(1))).toContain(0);
  server.unreachable = false;
  await ann.heard('state connected resumed');
  await ann.heard('left bob');
  return ann;
}

describe('repairing', () => {
  test('media that the server has lost is set up anew, under the same names', async () => {
    const [ann, bob] = [await enter('ann'), await enter('bob')];
    await Promise.all([gets(ann, 'bob'), gets(bob, 'ann')]);
    const sids = (): Promise<string[]> =>
      bob.page.evaluate(() =>
        [...window.room.participants.values()].flatMap(({ publications }) =>
          publications.map(({ sid }) => sid),
        ),
      );
    const before = await sids();
    const [{ id } = { id: 0 }] = plane.current.all('sfu.open');
    plane.emit({ type: 'sfu.state', id, state: 'closed', path: '', reason: 'full' });
    await expect.poll(() => plane.current.all('sfu.open').length).toBe(3);
    await Promise.all([gets(ann, 'bob'), gets(bob, 'ann')]);
    expect(await sids()).toEqual(before);
    expect(await ann.sent()).toEqual(['join', 'offer']);
    expect(await ann.lines()).toEqual([2 + 2 + 4]);
    expect(await bob.descriptions()).toEqual(['offer']);
    expect(await ann.events()).toContain('no track bob audio');
  });

  test('a network that changes restarts ICE with one offer', async () => {
    const ann = await enter('ann');
    await expect.poll(() => ann.page.evaluate(() => window.room.timeline().answer)).toBeDefined();
    const before = await ann.fragments();
    await ann.page.evaluate(() => window.dispatchEvent(new Event('online')));
    await expect.poll(() => ann.fragments()).not.toEqual(before);
    await expect.poll(() => plane.current.all('sfu.change').some(({ ice }) => ice)).toBe(true);
    expect(await ann.sent()).toEqual(['join', 'offer']);
  });

  test('what happened while the socket was away is known after it', async () => {
    const ann = await away();
    await gets(ann, 'cleo');
    expect(await ann.sent()).toEqual(['join', 'join']);
    expect(await ann.descriptions()).toEqual(['offer']);
  });

  test('and so it is when pushes were lost', async () => {
    await restart({ limits: { pushRing: { messages: 1, bytes: 100_000 } } });
    const ann = await away();
    await gets(ann, 'cleo');
    expect(await ann.sent()).toEqual(['join', 'join']);
    expect(await ann.descriptions()).toEqual(['offer']);
  });

  test('a server that starts again is joined anew', async () => {
    const [ann, bob] = [await enter('ann', { renews: true }), await enter('bob', { renews: true })];
    await Promise.all([gets(ann, 'bob'), gets(bob, 'ann')]);
    const { port } = server;
    await restart({ port });
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
