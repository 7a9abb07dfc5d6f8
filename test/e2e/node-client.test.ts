// Bots in rooms of the real program: media, data and signaling between two of them and a browser, and `sterna load`.

import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join as joinPath } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { join, openMedia, SternaClientError } from '../../sdk/node/index.ts';
import type {
  JoinOptions,
  LocalTrack,
  RemoteTrack,
  Room,
  RtpPacket,
} from '../../sdk/node/index.ts';
import { pictures as synthetic, silence } from '../../server/load/synthetic.ts';
import { Chromium } from '../support/chromium.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { SternaHost } from '../support/e2e/sterna-host.ts';
import { API_KEY } from '../support/e2e/sterna.ts';
import { TcpProxy } from '../support/e2e/tcp-proxy.ts';
import { ivfOf, oggOf } from '../support/media-files.ts';
import { SdkPage } from '../support/sdk-page.ts';
import { runCli, temporaryFolder } from '../support/spawn-server.ts';
import { until } from '../support/until.ts';

let host: SternaHost;
beforeAll(async () => {
  host = await startHost();
});
afterAll(() => host.sterna.stop());

async function enter(
  identity: string,
  room: string,
  more: Partial<JoinOptions> = {},
  url = host.url,
): Promise<Room> {
  const bot = await join(url, { token: host.token({ identity, room }), ...more });
  onTestFinished(() => bot.leave());
  return bot;
}

/** Packets of the first track of that kind that a bot receives. */
async function packetsOf(
  bot: Room,
  kind: 'audio' | 'video',
): Promise<{ track: RemoteTrack; packets: RtpPacket[] }> {
  const here = (): RemoteTrack | undefined =>
    [...bot.participants.values()]
      .flatMap(({ publications }) => publications)
      .find((publication) => publication.kind === kind && publication.track)?.track ?? undefined;
  await until(() => here() !== undefined && bot.mediaState === 'connected');
  const track = here()!;
  const packets: RtpPacket[] = [];
  track.on('packet', (packet) => void packets.push(packet));
  return { track, packets };
}

/** Ten seconds of pictures of more than one packet, no two alike, that begin as those of VP8 do (RFC 6386 s9.1). */
const PICTURES = Array.from({ length: 100 }, (_, i) => {
  const picture = Buffer.alloc(1500 + 10 * i, i + 1);
  picture.set(i === 0 ? [0x10, 2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1] : [0x11, 2, 0]);
  return picture;
});
const PICTURES_PER_SECOND = 10;
const VP8_DESCRIPTOR_BYTES = 4;

const begins = ({ payload }: RtpPacket): boolean => payload[VP8_DESCRIPTOR_BYTES] === 0x10;

/** Which pictures arrived whole, in the order of their times. */
function arrivedPictures(packets: readonly RtpPacket[]): number[] {
  const byTime = new Map<number, RtpPacket[]>();
  for (const packet of packets.toSorted((one, other) => one.sequence - other.sequence)) {
    byTime.set(packet.timestamp, [...(byTime.get(packet.timestamp) ?? []), packet]);
  }
  const whole = [...byTime].filter(([, parts]) => parts.at(-1)!.marker);
  return whole
    .toSorted(([one], [other]) => one - other)
    .map(([, parts]) => {
      const data = Buffer.concat(parts.map((part) => part.payload.subarray(VP8_DESCRIPTOR_BYTES)));
      return PICTURES.findIndex((picture) => picture.equals(data));
    });
}

async function play(track: LocalTrack, file: Buffer, name: string): Promise<void> {
  const path = joinPath(temporaryFolder(), name);
  await writeFile(path, file);
  await track.play(await openMedia(path));
}

test('files arrive as they are, in order and in time; a key frame is sent again when it is asked for', async () => {
  const sender = await enter('sender', 'files', { publish: [{ codec: 'opus' }, { codec: 'vp8' }] });
  const receiver = await enter('receiver', 'files');
  const [microphone, camera] = sender.tracks as [LocalTrack, LocalTrack];
  expect([microphone.source, camera.source]).toEqual(['microphone', 'camera']);

  const sound = await packetsOf(receiver, 'audio');
  const opus = Array.from({ length: 20 }, (_, i) => Uint8Array.of(0xf8, i, 1, 2, 3));
  await play(microphone, oggOf(opus), 'sound.ogg');
  await until(() => sound.packets.length === opus.length);
  expect(sound.packets.map(({ payload }) => Uint8Array.from(payload))).toEqual(opus);
  const first = sound.packets[0]!;
  expect(first).toMatchObject({ codec: 'opus', isLate: false, level: 30 });
  expect(sound.packets.map((one) => one.timestamp - first.timestamp)).toEqual(
    opus.map((_, i) => 960 * i),
  );
  expect(sound.packets.at(-1)!.arrivedAt - first.arrivedAt).toBeGreaterThan(200);

  const video = await packetsOf(receiver, 'video');
  const playing = play(camera, ivfOf('VP80', PICTURES, PICTURES_PER_SECOND), 'video.ivf');
  const asking = setInterval(() => {
    if (video.packets.length > 8) video.track.requestKeyFrame();
  }, 100);
  onTestFinished(() => clearInterval(asking));
  await until(() => video.packets.filter(begins).length === 2);
  clearInterval(asking);
  camera.stop();
  await playing;
  await until(() => video.packets.length === camera.stats.packets);
  const pictures = arrivedPictures(video.packets);
  const again = pictures.lastIndexOf(0);
  expect(again).toBeGreaterThan(3);
  expect(pictures).toEqual([
    ...Array.from({ length: again }, (_, i) => i),
    ...Array.from({ length: pictures.length - again }, (_, i) => i),
  ]);
  expect(camera.stats.keyFramesWanted).toBeGreaterThan(0);
  expect(video.track.stats).toMatchObject({ packets: video.packets.length, lost: 0 });

  await camera.mute();
  await until(() =>
    [...receiver.participants.values()].some((one) => one.publications.some(({ muted }) => muted)),
  );
  const ended = video.track.next('ended');
  await sender.unpublish(camera);
  await ended;
});

test('participants, data and wishes; a session is resumed when its WebSocket is cut, and media flows on', async () => {
  const { hostname, port } = new URL(host.url);
  const proxy = await TcpProxy.start({ host: hostname, port: Number(port) });
  onTestFinished(() => proxy.stop());
  const ann = await enter('ann', 'data', {
    publish: [{ codec: 'opus' }],
    attributes: { mood: 'fine' },
  });
  const arrival = ann.next('participantJoined');
  const tokenProvider = (): Promise<string> =>
    Promise.resolve(host.token({ identity: 'ben', room: 'data' }));
  const ben = await enter('ben', 'data', { tokenProvider }, `http://127.0.0.1:${proxy.port}`);
  expect((await arrival).identity).toBe('ben');
  expect([...ben.participants.values()].map(({ attributes }) => attributes['mood'])).toEqual([
    'fine',
  ]);

  const toAnn = ann.next('data');
  await ben.sendData(Uint8Array.of(1, 2, 3), { topic: 'numbers' });
  expect(await toAnn).toMatchObject({
    topic: 'numbers',
    direct: false,
    payload: Uint8Array.of(1, 2, 3),
  });
  const toBen = ben.next('data');
  await ann.sendData('hello', { to: ben.self.sid });
  expect(new TextDecoder().decode((await toBen).payload)).toBe('hello');

  const { packets, track } = await packetsOf(ben, 'audio');
  const [microphone] = ann.tracks;
  let n = 0;
  const pump = setInterval(() => {
    microphone!.send(Uint8Array.of(0xf8, n & 0xff, 1), { timestamp: 960 * n++ });
  }, 20);
  onTestFinished(() => clearInterval(pump));
  await until(() => packets.length > 5);

  const { sid } = ben.self;
  const states: string[] = [];
  ben.on('state', ({ state, how }) => void states.push(`${state} ${how ?? ''}`.trim()));
  proxy.cut();
  await until(() => states.includes('reconnecting'));
  const missed = ben.next('data');
  await ann.sendData('missed', { topic: 'later' });
  const during = packets.length;
  await until(() => packets.length > during + 10);
  proxy.heal();
  expect((await missed).topic).toBe('later');
  expect(states.at(-1)).toBe('connected resumed');
  expect(ben.self.sid).toBe(sid);
  expect(track.ended).toBe(false);

  // The session is over: everything is made anew, under another sid, and the tracks that are received are others.
  const again = ben.next('trackAdded');
  await fetch(`${host.url}/v1/rooms/data/participants/ben/simulate`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${API_KEY.name}:${API_KEY.secret}`,
      'content-type': 'application/json',
    },
    body: '{"op":"full-reconnect"}',
  });
  const second = await again;
  await second.track.next('packet');
  expect(track.ended).toBe(true);
  expect(states.at(-1)).toBe('connected rejoined');
  expect(ben.self.sid).not.toBe(sid);

  // Not wanted: its packets come no more.
  const [publication] = [...ben.participants.values()][0]!.publications;
  const gone = ben.next('trackRemoved');
  await ben.subscribe(publication!, { on: false });
  expect((await gone).track).toBe(second.track);
  const left = ben.next('participantLeft');
  ann.leave();
  expect((await left).reason).toBe('LEFT');
  expect(ann.state).toBe('closed');
});

test('what cannot be is refused as the SDK says it', async () => {
  const refused = await join(host.url, { token: 'not.a.token' }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(SternaClientError);
  expect(refused).toMatchObject({ reason: 'TOKEN_INVALID', code: 4401, retry: 'never' });
  const token = host.token({ identity: 'mute', room: 'quiet', grants: { canPublish: false } });
  const stop = new AbortController();
  const bot = await join(host.url, { token, signal: stop.signal, publish: [{ codec: 'opus' }] });
  await expect(bot.publish({ codec: 'vp8' })).rejects.toMatchObject({ reason: 'NOT_ALLOWED' });
  const closed = bot.next('closed');
  stop.abort();
  await closed;
  await expect(join(host.url, { token, signal: stop.signal })).rejects.toMatchObject({
    reason: 'ABORTED',
  });
});

test('a browser decodes what a bot plays, and a bot receives what a browser sends', async () => {
  const browser = await Chromium.launch();
  onTestFinished(() => browser.close());
  const bot = await enter('bot', 'mixed', { publish: [{ codec: 'opus' }, { codec: 'vp8' }] });
  const [microphone, camera] = bot.tracks as [LocalTrack, LocalTrack];
  const { key, same } = synthetic(500_000);
  const frames = [key, ...Array.from({ length: 29 }, () => same)].map(({ data }) => data);
  const file = ivfOf('VP80', frames);
  const quiet = oggOf(Array.from({ length: 50 }, silence));
  const folder = temporaryFolder();
  await writeFile(joinPath(folder, 'video.ivf'), file);
  await writeFile(joinPath(folder, 'sound.ogg'), quiet);
  camera.play(joinPath(folder, 'video.ivf'), { loop: true }).catch(() => undefined);
  microphone.play(joinPath(folder, 'sound.ogg'), { loop: true }).catch(() => undefined);
  const page = await (await SdkPage.open(browser, host)).films();
  await page.join({ identity: 'ada', room: 'mixed' });
  // More than once through the file.
  await page.sees(1, 45);
  const { packets } = await packetsOf(bot, 'video');
  await until(() => packets.some(({ marker }) => marker));
  expect(packets[0]!.codec).toBe('vp8');
  browser.throwErrors();
});

const report = z.object({
  joined: z.number(),
  failures: z.record(z.string(), z.number()),
  withoutMedia: z.number(),
  sent: z.object({ packets: z.number() }),
  received: z.object({ packets: z.number(), lost: z.number() }),
  latencyMs: z.object({ p50: z.number(), max: z.number() }),
  joinMs: z.object({ max: z.number() }),
  firstPacketMs: z.object({ max: z.number() }),
});

const load = (...more: string[]): ReturnType<typeof runCli> =>
  runCli(['load', '--url', host.url, '--key', API_KEY.name, ...more]);

test('sterna load joins, measures and reports; who cannot join makes it fail', async () => {
  const secret = ['--secret', API_KEY.secret];
  const good = await load(...secret, '-p', '2', '-s', '3', '--audio', '--duration', '3s', '--json');
  expect(good.stderr).toMatch(/\| 5\/5 joined \|/);
  expect(good.code).toBe(0);
  const told = report.parse(JSON.parse(good.stdout));
  expect(told).toMatchObject({ joined: 5, failures: {}, withoutMedia: 0 });
  // Of two publishers to three subscribers each, some of it under way.
  expect(told.received.packets).toBeGreaterThan(2 * told.sent.packets);
  expect(told.received.packets + told.received.lost).toBeLessThan(4 * told.sent.packets);
  expect(told.sent.packets).toBeGreaterThan(100);
  for (const ms of [told.latencyMs.p50, told.joinMs.max, told.firstPacketMs.max]) {
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThan(30_000);
  }

  const bad = await load('--secret', 'another secret, long enough to be one', '-s', '1');
  expect(bad.code).toBe(1);
  expect(bad.stdout).toMatch(/^failed +2 TOKEN_INVALID$/m);
});

test('the guide runs as it is written', async () => {
  const text = await readFile(new URL('../../docs/bots.md', import.meta.url), 'utf8');
  const code = [...text.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, snippet = '']) => snippet);
  expect(code.length).toBe(5);
  const sound = joinPath(temporaryFolder(), 'sound.ogg');
  await writeFile(sound, oggOf(Array.from({ length: 50 }, silence)));
  // Where the package finds itself by its name.
  const module = fileURLToPath(new URL('../../dist/bots-guide.mjs', import.meta.url));
  await writeFile(module, code.join('\n'));
  onTestFinished(() => rm(module));
  const listener = await enter('listener', 'guide');
  const heard = listener.next('data');
  const token = host.token({ identity: 'guide', room: 'guide' });
  const env = { ...process.env, STERNA_URL: host.url, TOKEN: token, SOUND: sound };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [module], { env });
  expect(new TextDecoder().decode((await heard).payload)).toBe('hello');
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^guide guide \[ 'listener' \]\n[\s\S]*packets: 1,[\s\S]*over: left\n$/);
});
