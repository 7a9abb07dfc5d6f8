// An empty page with the SDK loaded as applications load it (<script type=module>), and short ways to ask
// its room.

import type { Page } from 'playwright-core';
import type { JoinOptions, Room } from '../../sdk/index.ts';
import type * as Sdk from '../../sdk/index.ts';
import type { Chromium } from './chromium.ts';
import type { TokenOptions } from './mini-server.ts';

declare global {
  interface Window {
    sdk: typeof Sdk;
    room: Room;
    media: MediaStream;
    /** Names of the events that the room has emitted, in order, with what tells them apart. */
    events: string[];
    /** Every connection that the page has made. */
    pcs: RTCPeerConnection[];
    /** The descriptions that they have made, by type. */
    descriptions: { pc: RTCPeerConnection; type: string }[];
    /** Types of the messages that were sent, in order. */
    sent: string[];
    noteEvents: (room: Room) => void;
    /** Frames decoded so far, by sid. */
    decodedFrames: () => Promise<Map<string, number>>;
    mintToken: (options: TokenOptions) => Promise<string>;
    /** Whether the camera of `films` takes pictures. */
    filming: boolean;
  }
}

/** Runs in the page before anything else: what tests look at. */
function instrument(): void {
  window.pcs = [];
  window.descriptions = [];
  window.events = [];
  window.sent = [];
  const NativeSocket = WebSocket;
  window.WebSocket = class extends NativeSocket {
    override send(text: string): void {
      super.send(text);
      window.sent.push(String(/"type":"(\w+)"/.exec(text)?.[1]));
    }
  };
  const Native = RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      window.pcs.push(this);
    }
    override async setLocalDescription(given?: RTCLocalSessionDescriptionInit): Promise<void> {
      await super.setLocalDescription(given);
      const { type } = this.localDescription ?? {};
      if (type !== undefined) window.descriptions.push({ pc: this, type });
    }
  };
  window.decodedFrames = async () => {
    const stats = [...(await window.room.stats())];
    return new Map(stats.map(([sid, link]) => [sid, link.received.video.framesDecoded]));
  };
  // It runs in the page, where there is no scope outside.
  // oxlint-disable-next-line consistent-function-scoping
  const note = (text: string): number => window.events.push(text);
  window.noteEvents = (room) => {
    room.on('participantJoined', ({ name }) => note(`joined ${name}`));
    room.on('participantLeft', ({ participant, reason }) => {
      note(`left ${participant.name} ${reason}`);
    });
    room.on('trackAdded', ({ participant, track }) => {
      note(`track ${participant.name} ${track.kind}`);
      // Sound is measured where it is played.
      const player = new Audio();
      player.srcObject = participant.stream;
      player.play().catch(() => undefined);
    });
    room.on('trackRemoved', ({ participant, track }) => {
      note(`no track ${participant.name} ${track.kind}`);
    });
    room.on('state', ({ state, how }) => note(`state ${state} ${how ?? ''}`.trim()));
    room.on('data', ({ participant, topic, payload, direct }) => {
      const text = new TextDecoder().decode(payload);
      note(`data ${participant?.name} ${topic} ${text} ${direct ? 'direct' : 'room'}`);
    });
    const states = new Map<string, string>();
    room.on('participantUpdated', ({ sid, name, linkState }) => {
      if (states.get(sid) !== linkState && linkState !== 'none') note(`link ${name} ${linkState}`);
      states.set(sid, linkState);
    });
    room.on('path', ({ participant, path }) => note(`path ${participant.name} ${path.type}`));
    room.on('warning', ({ error }) => note(`warning ${String(error)}`));
    room.on('closed', ({ error }) => note(`closed ${error?.reason ?? 'left'}`));
  };
}

export interface SdkJoin
  extends
    TokenOptions,
    Pick<JoinOptions, 'relayOnly' | 'attributes' | 'want' | 'video'>,
    Pick<JoinOptions, 'resume' | 'peerToPeer' | 'mediaTimeoutMs'> {
  /** Cameras are sent in three sizes; default false, so that frames that are sent are those that are to be seen. */
  simulcast?: boolean;
  /** Publishes camera and microphone from the start; default true. */
  media?: boolean;
  /** Tokens are asked for again when a session is gone. */
  renews?: boolean;
  /** prepare() was called before, and is done. */
  prepared?: boolean;
}

/** A server that serves the SDK, and a way to its tokens. */
export interface SdkHost {
  readonly url: string;
  token(options?: TokenOptions): string;
}

export class SdkPage {
  readonly page: Page;
  readonly #server: SdkHost;

  private constructor(page: Page, server: SdkHost) {
    this.page = page;
    this.#server = server;
  }

  /** Opens a page and prepares camera, microphone and the list of events. */
  static async open(browser: Chromium, server: SdkHost): Promise<SdkPage> {
    // What the server says of an address where nothing is forbids scripts.
    const page = await browser.open(`${server.url}/blank`, {
      before: instrument,
      bypassCSP: true,
    });
    await page.exposeFunction('mintToken', (options: TokenOptions) => server.token(options));
    const opened = new SdkPage(page, server);
    await opened.#load();
    return opened;
  }

  /** As the user does it: whatever the page knew is gone. */
  async reload(): Promise<this> {
    await this.page.reload();
    await this.#load();
    return this;
  }

  async #load(): Promise<void> {
    // As text: a dynamic import of a test is not the browser's.
    const load = "window.sdk ?? import('/sterna.js').then((sdk) => { window.sdk = sdk; })";
    await this.page.evaluate(load);
    await this.page.evaluate(async () => {
      const video = { width: 320, height: 240 };
      window.media = await navigator.mediaDevices.getUserMedia({ audio: true, video });
    });
  }

  /** Before the join: a camera whose pictures a FrameWatch can stop, and that sends none by itself. */
  async films(): Promise<this> {
    await this.page.evaluate(() => {
      const canvas = document.createElement('canvas');
      canvas.width = 320;
      canvas.height = 240;
      const context = canvas.getContext('2d');
      const [camera] = canvas.captureStream(0).getVideoTracks();
      if (!(camera instanceof CanvasCaptureMediaStreamTrack)) throw new Error('No camera');
      window.filming = true;
      setInterval(() => {
        if (!window.filming || !context) return;
        context.fillStyle = `hsl(${performance.now() % 360} 90% 50%)`;
        context.fillRect(0, 0, canvas.width, canvas.height);
        camera.requestFrame();
      }, 50);
      // The browser's own camera costs a busy machine more than the pictures here.
      for (const track of window.media.getVideoTracks()) track.stop();
      window.media = new MediaStream([...window.media.getAudioTracks(), camera]);
    });
    return this;
  }

  film(on: boolean): Promise<void> {
    return this.page.evaluate((filming) => {
      window.filming = filming;
    }, on);
  }

  /** Joins and listens to every event. */
  async join(options: SdkJoin = {}): Promise<this> {
    const {
      media = true,
      renews = false,
      relayOnly = false,
      simulcast = false,
      attributes,
      want,
      video,
      resume,
      peerToPeer,
      mediaTimeoutMs,
      ...others
    } = options;
    const given = { resume, peerToPeer, mediaTimeoutMs };
    const { prepared = false, ...token } = others;
    if (prepared) await this.#prepare();
    const first = this.#server.token(token);
    await this.page.evaluate(
      async ([joinOptions, one, mint, more]) => {
        const room = await window.sdk.join(location.origin, {
          ...more,
          ...(joinOptions.renews
            ? { tokenProvider: () => window.mintToken(mint) }
            : { token: one }),
          ...(joinOptions.media ? { publish: window.media } : {}),
          ...(joinOptions.attributes ? { attributes: joinOptions.attributes } : {}),
          ...(joinOptions.want ? { want: joinOptions.want } : {}),
          ...(joinOptions.video ? { video: joinOptions.video } : {}),
          relayOnly: joinOptions.relayOnly,
          simulcast: joinOptions.simulcast,
        });
        window.room = room;
        window.noteEvents(room);
      },
      [
        { media, renews, relayOnly, simulcast, attributes, want, video },
        first,
        token,
        // Without those that nobody has given.
        Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
      ] as const,
    );
    return this;
  }

  async #prepare(): Promise<void> {
    await this.page.evaluate(() => window.sdk.prepare());
    await this.page.waitForFunction(() => (window.pcs[0]?.getTransceivers().length ?? 0) > 0);
  }

  /** Waits for an event that begins with `text`. */
  async heard(text: string, times = 1): Promise<void> {
    await this.page.waitForFunction(
      ([start, count]) => window.events.filter((event) => event.startsWith(start)).length >= count,
      [text, times] as const,
      // Frames, by which it looks otherwise, are rare in a page that nobody sees.
      { polling: 50 },
    );
  }

  events(): Promise<string[]> {
    return this.page.evaluate(() => window.events);
  }

  /** Waits until video of each of `others` has been decoded `frames` times more than now. */
  async sees(others: number, frames = 5): Promise<void> {
    await this.page.evaluate(
      async ([count, more]) => {
        const before = await window.decodedFrames();
        // A predicate of waitForFunction may not be asynchronous: a promise counts as true.
        for (let rising = 0; rising < count;) {
          // oxlint-disable-next-line no-await-in-loop
          await new Promise((resolve) => setTimeout(resolve, 50));
          // oxlint-disable-next-line no-await-in-loop
          const now = [...(await window.decodedFrames())];
          rising = now.filter(([sid, seen]) => seen >= (before.get(sid) ?? 0) + more).length;
        }
      },
      [others, frames] as const,
    );
  }

  /** Waits until the one other participant is heard: its sound has a level. */
  async hears(): Promise<void> {
    await this.page.waitForFunction(() => {
      const [sid] = window.room.participants.keys();
      return window.room.audioLevel(sid ?? '') > 0.001;
    });
  }

  sid(): Promise<string> {
    return this.page.evaluate(() => window.room.self.sid);
  }

  /** `offer` and `answer` for each description of the connections that are open. */
  descriptions(): Promise<string[]> {
    return this.page.evaluate(() =>
      window.descriptions
        .filter(({ pc }) => pc.signalingState !== 'closed')
        .map(({ type }) => type),
    );
  }

  /** Types of the messages that this page has sent, but for pings. */
  async sent(): Promise<string[]> {
    const types = await this.page.evaluate(() => window.sent);
    return types.filter((type) => type !== 'ping');
  }

  /** How many lines of media each open connection's description has. */
  lines(): Promise<number[]> {
    return this.page.evaluate(() =>
      window.pcs
        .filter((pc) => pc.signalingState !== 'closed')
        .map((pc) => pc.getTransceivers().length),
    );
  }

  /** ICE user name fragments of the connections that are open: they change with each ICE restart. */
  fragments(): Promise<string[]> {
    return this.page.evaluate(() =>
      window.pcs
        .filter((pc) => pc.signalingState !== 'closed')
        .map((pc) => /a=ice-ufrag:(\S+)/.exec(pc.localDescription?.sdp ?? '')?.[1] ?? ''),
    );
  }
}
