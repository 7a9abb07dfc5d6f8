// A file of the server's own page, under the content security policy of that, from which a test joins with the SDK: a
// camera of one colour, what is seen of others, and everything that is told to workers and to the server.

import type { Room } from '../../../sdk/index.ts';
import type * as Sdk from '../../../sdk/index.ts';
import type { ScriptablePage } from '../peers/browser-peer.ts';
import type { SdkHost } from '../sdk-page.ts';

export type Colour = 'red' | 'green' | 'blue' | 'none';

interface Sealed {
  sdk: typeof Sdk;
  room: Room;
  /** Keys that the worker was given, in hexadecimal digits. */
  keys: string[];
  /** Epochs of our own. */
  epochs: number[];
  /** Whatever went over the WebSocket, both ways. */
  wire: string[];
  /** Names of events, with what tells them apart. */
  events: string[];
}

declare global {
  interface Window {
    sealed: Sealed;
  }
}

/** As text, in which a dynamic import is the browser's. */
const LOAD = Object.assign(async () => undefined, {
  toString: () => `async () => { window.sealed.sdk = await import('/sterna.js'); }`,
});

/** What a worker is told. */
interface Told {
  readonly type: string;
  readonly chain?: { readonly epoch: number; readonly chain: Uint8Array };
}

export interface SealedJoin {
  readonly identity: string;
  readonly room: string;
  readonly colour: Colour;
  /** Encrypts; with the identity of this seed, 0 for a new one. False: joins as who knows nothing of it. */
  readonly seed: number | false;
  /** Where the worker is; beside the SDK where it is left out. */
  readonly workerUrl?: string;
}

export interface Seen {
  readonly state: string;
  readonly code: string;
  readonly fingerprint: string;
  readonly frames: number;
  readonly bytes: number;
  readonly colour: Colour;
}

/** Runs in the page before it has loaded anything of the SDK. */
function instrument(): void {
  const wire: string[] = [];
  const keys: string[] = [];
  const epochs: number[] = [];
  const events: string[] = [];
  window.sealed = { ...window.sealed, wire, keys, epochs, events };
  const NativeWorker = Worker;
  window.Worker = class extends NativeWorker {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options);
      events.push(`worker ${String(url)}`);
    }
    override postMessage(message: unknown): void {
      const { type, chain } = message as Told;
      const digits = [...(chain?.chain ?? [])].map((byte) => byte.toString(16).padStart(2, '0'));
      if (chain) keys.push(digits.join(''));
      if (chain && type === 'send-key') epochs.push(chain.epoch);
      super.postMessage(message);
    }
  };
  const NativeSocket = WebSocket;
  window.WebSocket = class extends NativeSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener('message', ({ data }) => wire.push(String(data)));
    }
    override send(text: string): void {
      wire.push(text);
      super.send(text);
    }
  };
}

export class SealedPage {
  readonly page: ScriptablePage;
  readonly #host: SdkHost;

  private constructor(page: ScriptablePage, host: SdkHost) {
    this.page = page;
    this.#host = host;
  }

  static async open(
    browser: { open(url: string): Promise<ScriptablePage> },
    host: SdkHost,
  ): Promise<SealedPage> {
    const page = await browser.open(`${host.url}/style.css`);
    await page.evaluate(instrument, undefined);
    await page.evaluate(LOAD, undefined);
    return new SealedPage(page, host);
  }

  /** Resolves with null, or with the reason why it could not. */
  async join(
    { identity, room, colour, seed, workerUrl }: SealedJoin,
    codec?: 'h264' | 'vp9',
  ): Promise<string | null> {
    const token = this.#host.token({ identity, room });
    return this.page.evaluate(
      async (given) => {
        const { sealed } = window;
        const canvas = document.createElement('canvas');
        canvas.width = 640;
        canvas.height = 360;
        const context = canvas.getContext('2d');
        setInterval(() => {
          if (!context) return;
          context.fillStyle = given.colour;
          context.fillRect(0, 0, 640, 360);
          // Above there is always something to encode.
          for (let x = 0; x < 640; x += 16) {
            context.fillStyle = `hsl(${Math.random() * 360} 90% 50%)`;
            context.fillRect(x, 0, 16, 48);
          }
        }, 100);
        const publish = canvas.captureStream(10);
        const sound = new AudioContext().createMediaStreamDestination().stream;
        for (const track of sound.getAudioTracks()) publish.addTrack(track);
        const own = new Uint8Array(32).fill(Number(given.seed));
        try {
          sealed.room = await sealed.sdk.join(location.origin, {
            // A session that is gone is begun anew.
            tokenProvider: () => Promise.resolve(given.token),
            ...(given.colour === 'none' ? {} : { publish }),
            ...(given.codec ? { video: { codec: given.codec } } : {}),
            ...(given.seed === false
              ? {}
              : {
                  e2ee: {
                    ...(given.seed ? { identity: own } : {}),
                    ...(given.workerUrl ? { workerUrl: given.workerUrl } : {}),
                  },
                }),
          });
        } catch (error) {
          return (error as { reason?: string }).reason ?? String(error);
        }
        const { room: joined } = sealed;
        const show = (): void => {
          for (const one of joined.participants.values()) {
            if (document.getElementById(one.sid) || one.tracks.length === 0) continue;
            const video = document.createElement('video');
            Object.assign(video, {
              id: one.sid,
              muted: true,
              autoplay: true,
              srcObject: one.stream,
            });
            video.style.cssText = 'position:fixed;left:0;top:0;width:320px;height:180px';
            document.body.append(video);
            video.play().catch(() => undefined);
          }
        };
        joined.on('trackAdded', show);
        show();
        joined.on('encryption', (one) =>
          sealed.events.push(`${one.identity} ${one.encryption.state}`),
        );
        joined.on('data', ({ topic }) => sealed.events.push(`data ${topic}`));
        joined.on('state', ({ state, how }) =>
          sealed.events.push(`state ${state} ${how ?? ''}`.trim()),
        );
        joined.on('warning', ({ error }) => {
          sealed.events.push(`warning ${(error as { reason?: string }).reason ?? String(error)}`);
        });
        return null;
      },
      { token, colour, seed, workerUrl, codec },
    );
  }

  /** What is known and seen of somebody. */
  async sees(identity: string): Promise<Seen | null> {
    return this.page.evaluate(async (who) => {
      const { room } = window.sealed;
      const one = [...room.participants.values()].find((other) => other.identity === who);
      if (!one) return null;
      const stats = await room.stats();
      const link = stats.get(one.sid);
      const video = document.getElementById(one.sid);
      let colour: Colour = 'none';
      if (video instanceof HTMLVideoElement && video.videoWidth > 0) {
        const canvas = document.createElement('canvas');
        const context = canvas.getContext('2d', { willReadFrequently: true });
        context?.drawImage(video, 0, 0, 64, 36);
        const { data } = context?.getImageData(32, 24, 1, 1) ?? { data: [0, 0, 0] };
        const [r = 0, g = 0, b = 0] = data;
        if (r > 150 && g < 90 && b < 90) colour = 'red';
        else if (g > 80 && r < 60 && b < 60) colour = 'green';
        else if (b > 150 && r < 90 && g < 90) colour = 'blue';
      }
      const { state, code, fingerprint } = one.encryption;
      return {
        state,
        code,
        fingerprint,
        colour,
        frames: link?.received.video.framesDecoded ?? 0,
        bytes: link?.received.video.bytes ?? 0,
      };
    }, identity);
  }

  /** In how many sizes we send, and with which codecs. */
  async sent(): Promise<{ sizes: number; codecs: string[] }> {
    const entries = await this.page.evaluate(async (_none) => {
      const { room } = window.sealed;
      const report = (await room.stats()).get(room.self.sid)?.report;
      return [...(report?.values() ?? [])] as Record<string, unknown>[];
    }, undefined);
    const video = entries.filter(({ type, kind }) => type === 'outbound-rtp' && kind === 'video');
    const codecs = entries.filter(({ id }) => video.some(({ codecId }) => codecId === id));
    return { sizes: video.length, codecs: codecs.map(({ mimeType }) => String(mimeType)) };
  }

  /** The room's code, and our own fingerprint. */
  encryption(): Promise<Room['encryption']> {
    return this.page.evaluate((_none) => window.sealed.room.encryption, undefined);
  }

  told(): Promise<Pick<Sealed, 'keys' | 'epochs' | 'wire' | 'events'>> {
    return this.page.evaluate((_none) => {
      const { keys, epochs, wire, events } = window.sealed;
      return { keys, epochs, wire, events };
    }, undefined);
  }

  isDirect(): Promise<boolean> {
    return this.page.evaluate((_none) => window.sealed.room.isDirect, undefined);
  }

  /** Null, or the reason why it was refused. */
  sends(topic: string, text = 'x', times = 1): Promise<string | null> {
    return this.page.evaluate(
      async (given) => {
        const { room } = window.sealed;
        try {
          const { topic: on } = given;
          // One after the other, as what waits is bounded.
          // oxlint-disable-next-line no-await-in-loop
          for (let i = 0; i < given.times; i++) await room.sendData(given.text, { topic: on });
          return null;
        } catch (error) {
          return String((error as { reason?: string }).reason);
        }
      },
      { topic, text, times },
    );
  }

  leave(): Promise<void> {
    return this.page.evaluate((_none) => window.sealed.room.leave(), undefined);
  }
}
