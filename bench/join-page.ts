/// <reference lib="dom" />
// The functions of join-browser.ts that run inside a page. Each is sent as its text, so none may use anything outside
// itself.

/** Milliseconds. */
export interface CallTimes {
  /** ICE and DTLS. */
  readonly connectedMs: number;
  /** The first video frame of the other side is decoded. */
  readonly firstFrameMs: number;
}

export type IceServers = { urls: string; username: string; credential: string }[];

interface Watched {
  readonly connection: RTCPeerConnection;
  /** On the page's clock. */
  connectedAt: number;
  firstFrameAt: number;
}

declare global {
  interface Window {
    watched: Watched[];
    /** When the WebSocket was made, which is the first thing that join() does. */
    joinedAt: number;
  }
}

/** Runs before the page's own scripts: writes down when what happens to every connection. */
export function watchConnections(): void {
  window.watched = [];
  window.joinedAt = Number.NaN;
  // oxlint-disable-next-line consistent-function-scoping -- the page gets the text of this function alone
  const watch = (connection: RTCPeerConnection): void => {
    const entry: Watched = { connection, connectedAt: Number.NaN, firstFrameAt: Number.NaN };
    window.watched.push(entry);
    connection.addEventListener('connectionstatechange', () => {
      if (connection.connectionState !== 'connected') return;
      entry.connectedAt = performance.now();
      const look = async (): Promise<void> => {
        let frames = 0;
        (await connection.getStats()).forEach((report: RTCInboundRtpStreamStats) => {
          if (report.type === 'inbound-rtp') frames += report.framesDecoded ?? 0;
        });
        if (frames > 0) entry.firstFrameAt = performance.now();
        else setTimeout(() => void look(), 5);
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
      window.joinedAt = performance.now();
      super(url, protocols);
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

/** The times of the connection that a join has made, as soon as they are all there. */
export async function lastCall(): Promise<CallTimes> {
  for (;;) {
    const call = window.watched.find(({ firstFrameAt }) => firstFrameAt > 0);
    if (call !== undefined) {
      return {
        connectedMs: call.connectedAt - window.joinedAt,
        firstFrameMs: call.firstFrameAt - window.joinedAt,
      };
    }
    // oxlint-disable-next-line no-await-in-loop
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A call from one connection of this page to another; the times of the one that offers. */
export async function callAlone(configuration: RTCConfiguration): Promise<CallTimes> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  const begun = performance.now();
  const a = new RTCPeerConnection(configuration);
  const b = new RTCPeerConnection(configuration);
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate !== null) void to.addIceCandidate(candidate);
    });
    for (const track of stream.getTracks()) from.addTrack(track, stream);
  }
  await a.setLocalDescription();
  if (a.localDescription !== null) await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription();
  if (b.localDescription !== null) await a.setRemoteDescription(b.localDescription);
  for (;;) {
    const call = window.watched.find(({ connection }) => connection === a);
    if (call !== undefined && call.firstFrameAt > 0) {
      return {
        connectedMs: call.connectedAt - begun,
        firstFrameMs: call.firstFrameAt - begun,
      };
    }
    // oxlint-disable-next-line no-await-in-loop
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
