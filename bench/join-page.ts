/// <reference lib="dom" />
// The functions of join-browser.ts that run inside a page. Each is sent as its text, so none may use anything outside
// itself.

/** Milliseconds. */
export interface CallTimes {
  /** The server has answered `join`; NaN where there is no server. */
  readonly joinedMs: number;
  /** ICE and DTLS, as the page hears of it. */
  readonly connectedMs: number;
  /** The first video frame of the other side, decoded and in the page's hands. */
  readonly firstFrameMs: number;
}

export type IceServers = { urls: string; username: string; credential: string }[];

interface Watched {
  readonly connection: RTCPeerConnection;
  /** On the page's clock. */
  connectedAt: number;
  firstFrameAt: number;
}

/** What is used of the browser SDK. */
interface Sdk {
  prepare(): void;
  join(
    url: string,
    options: { token: string; publish: MediaStream; relayOnly: boolean },
  ): Promise<unknown>;
}

interface VideoFrameReader {
  read(): Promise<{ value?: { close(): void } | undefined }>;
  cancel(): Promise<void>;
}

declare global {
  /** Of Chromium alone, and so not among TypeScript's types. */
  class MediaStreamTrackProcessor {
    constructor(options: { track: MediaStreamTrack });
    readonly readable: { getReader(): VideoFrameReader };
  }

  interface Window {
    watched: Watched[];
    /** When the WebSocket was made, which is the first thing that join() does. */
    begunAt: number;
    /** When the first message came over it. */
    joinedAt: number;
    benchSdk: Sdk;
    preview: MediaStream;
  }
}

/** Runs before the page's own scripts: writes down when what happens to every connection. */
export function watchConnections(): void {
  window.watched = [];
  window.begunAt = Number.NaN;
  window.joinedAt = Number.NaN;
  // oxlint-disable-next-line consistent-function-scoping -- the page gets the text of this function alone
  const watch = (connection: RTCPeerConnection): void => {
    const entry: Watched = { connection, connectedAt: Number.NaN, firstFrameAt: Number.NaN };
    window.watched.push(entry);
    connection.addEventListener('connectionstatechange', () => {
      if (connection.connectionState !== 'connected') return;
      entry.connectedAt = performance.now();
    });
    // Statistics would not do: the browser makes them anew every 50 ms at most.
    connection.addEventListener('track', ({ track }) => {
      if (track.kind !== 'video') return;
      const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
      const look = async (): Promise<void> => {
        const { value } = await reader.read();
        if (!value) return;
        if (!(entry.firstFrameAt > 0)) entry.firstFrameAt = performance.now();
        value.close();
        await reader.cancel();
      };
      void look();
    });
  };
  const NativeConnection = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends NativeConnection {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      watch(this);
    }
  };
  const NativeSocket = window.WebSocket;
  window.WebSocket = class extends NativeSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      window.begunAt = performance.now();
      super(url, protocols);
      this.addEventListener('message', () => (window.joinedAt = performance.now()), { once: true });
    }
  };
}

/** Whether the page shows its camera before the join. */
export function previewPlays(): boolean {
  const video = document.getElementById('preview-video');
  return (
    video instanceof HTMLVideoElement && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA
  );
}

/** Loads the SDK as the server serves it. As text, because the compiler would put a helper around a dynamic import. */
export const loadSdk = `import('/sterna.js').then((sdk) => { window.benchSdk = sdk; })`;

/** As an application does it while its user looks at the preview. */
export async function prepareSdk(): Promise<void> {
  window.benchSdk.prepare();
  window.preview = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
}

export async function joinBySdk(as: {
  room: string;
  identity: string;
  relayOnly: boolean;
}): Promise<void> {
  const { room, identity, relayOnly } = as;
  const minted = await fetch('/dev/token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ room, identity }),
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- development mode answers so
  const { token } = (await minted.json()) as { token: string };
  await window.benchSdk.join(location.origin, { token, publish: window.preview, relayOnly });
}

/** A call from one connection of this page to another; what counts is the one that offers. */
export async function callAlone(configuration: RTCConfiguration): Promise<void> {
  window.begunAt = performance.now();
  window.joinedAt = Number.NaN;
  const b = new RTCPeerConnection(configuration);
  window.watched = [];
  const a = new RTCPeerConnection(configuration);
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate !== null) void to.addIceCandidate(candidate);
    });
    for (const track of window.preview.getTracks()) from.addTrack(track, window.preview);
  }
  await a.setLocalDescription();
  if (a.localDescription !== null) await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription();
  if (b.localDescription !== null) await a.setRemoteDescription(b.localDescription);
}

/** Whether what this page publishes is on its way to the server. */
export function isConnected(): boolean {
  return window.watched.some(({ connectedAt }) => connectedAt > 0);
}

/** The times of the call, as soon as they are all there. */
export async function callTimes(): Promise<CallTimes> {
  for (;;) {
    const call = window.watched.find(({ firstFrameAt }) => firstFrameAt > 0);
    if (call !== undefined) {
      return {
        joinedMs: window.joinedAt - window.begunAt,
        connectedMs: call.connectedAt - window.begunAt,
        firstFrameMs: call.firstFrameAt - window.begunAt,
      };
    }
    // oxlint-disable-next-line no-await-in-loop
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
