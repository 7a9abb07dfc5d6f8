// A WHIP publisher or WHEP player in a page of a browser, by the page's own RTCPeerConnection and fetch: from another
// origin than the server's, as pages are that are not its own.

import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { Resource } from './scripted-peer.ts';

/** A page of playwright-core or of puppeteer-core. */
export interface ScriptablePage {
  evaluate<A, R>(run: (argument: A) => R | Promise<R>, argument: A): Promise<R>;
}

interface PeerState {
  connection: RTCPeerConnection;
  location: string;
  etag: string;
}

declare global {
  interface Window {
    peer?: PeerState;
  }
}

export interface Played {
  state: RTCPeerConnectionState;
  framesDecoded: number;
  width: number;
  height: number;
  audioPackets: number;
  /** MIME type of what is decoded. */
  codec: string;
  lost: number;
}

/** An origin of its own, with an empty page; 127.0.0.1 is a secure context. */
export class BlankOrigin {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<BlankOrigin> {
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end('<!doctype html><title>peer</title>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new BlankOrigin(server);
  }

  get url(): string {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null
      ? `http://127.0.0.1:${address.port}/`
      : '';
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export class BrowserPeer {
  readonly #page: ScriptablePage;
  readonly #resource: Resource;

  constructor(page: ScriptablePage, resource: Resource) {
    this.#page = page;
    this.#resource = resource;
  }

  /** Camera and microphone, of that codec where there is a choice. */
  async publish(codec = 'video/VP8'): Promise<void> {
    await this.#page.evaluate(async (wanted) => {
      const connection = new RTCPeerConnection();
      window.peer = { connection, location: '', etag: '' };
      const stream = await navigator.mediaDevices.getUserMedia({
        audio: true,
        video: { width: 640, height: 360 },
      });
      for (const track of stream.getTracks()) {
        const transceiver = connection.addTransceiver(track, {
          direction: 'sendonly',
          streams: [stream],
        });
        if (track.kind !== 'video') continue;
        const codecs = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
        const first = codecs.filter(({ mimeType }) => mimeType === wanted);
        transceiver.setCodecPreferences([
          ...first,
          ...codecs.filter(({ mimeType }) => mimeType !== wanted),
        ]);
      }
    }, codec);
    await this.#open();
  }

  async play(): Promise<void> {
    await this.#page.evaluate((_none) => {
      const connection = new RTCPeerConnection();
      window.peer = { connection, location: '', etag: '' };
      for (const kind of ['audio', 'video']) {
        connection.addTransceiver(kind, { direction: 'recvonly' });
      }
      connection.addEventListener('track', ({ track, streams: [stream] }) => {
        if (track.kind !== 'video' || stream === undefined) return;
        const video = document.createElement('video');
        video.muted = true;
        video.autoplay = true;
        video.srcObject = stream;
        document.body.append(video);
      });
    }, undefined);
    await this.#open();
  }

  /** ICE anew, over PATCH; resolves with the states that ICE went through until it was connected again. */
  async restartIce(): Promise<void> {
    await this.#page.evaluate(async (bearer) => {
      const { peer } = window;
      if (peer === undefined) throw new Error('no session');
      const { connection } = peer;
      const answer = connection.remoteDescription?.sdp ?? '';
      await connection.setLocalDescription(await connection.createOffer({ iceRestart: true }));
      const offer = connection.localDescription?.sdp ?? '';
      // oxlint-disable-next-line unicorn/consistent-function-scoping -- it runs in the page
      const valueOf = (text: string, name: string): string =>
        new RegExp(`^a=${name}:(.*)\r$`, 'm').exec(text)?.[1] ?? '';
      const reply = await fetch(peer.location, {
        method: 'PATCH',
        headers: {
          Authorization: `Bearer ${bearer}`,
          'Content-Type': 'application/trickle-ice-sdpfrag',
          'If-Match': '*',
        },
        body: [
          `a=ice-ufrag:${valueOf(offer, 'ice-ufrag')}`,
          `a=ice-pwd:${valueOf(offer, 'ice-pwd')}`,
          '',
        ].join('\r\n'),
      });
      if (reply.status !== 200) throw new Error(`${reply.status} ${await reply.text()}`);
      const fragment = await reply.text();
      peer.etag = reply.headers.get('ETag') ?? '';
      const sdp = answer
        .replaceAll(/^a=ice-ufrag:.*\r$/gm, `a=ice-ufrag:${valueOf(fragment, 'ice-ufrag')}\r`)
        .replaceAll(/^a=ice-pwd:.*\r$/gm, `a=ice-pwd:${valueOf(fragment, 'ice-pwd')}\r`);
      await connection.setRemoteDescription({ type: 'answer', sdp });
    }, this.#resource.bearer);
  }

  /** What the player has decoded so far. */
  played(): Promise<Played> {
    return this.#page.evaluate(async (_none) => {
      const connection = window.peer?.connection;
      if (connection === undefined) throw new Error('no session');
      const played: Played = {
        state: connection.connectionState,
        framesDecoded: 0,
        width: 0,
        height: 0,
        audioPackets: 0,
        codec: '',
        lost: 0,
      };
      const reports = new Map<string, Record<string, string | number | undefined>>();
      const stats = await connection.getStats();
      stats.forEach((report: Record<string, string | number | undefined>) => {
        reports.set(String(report['id']), report);
      });
      for (const report of reports.values()) {
        if (report['type'] !== 'inbound-rtp') continue;
        played.lost += Number(report['packetsLost'] ?? 0);
        if (report['kind'] === 'audio') played.audioPackets += Number(report['packetsReceived']);
        if (report['kind'] !== 'video') continue;
        played.framesDecoded += Number(report['framesDecoded'] ?? 0);
        played.width = Number(report['frameWidth'] ?? 0);
        played.height = Number(report['frameHeight'] ?? 0);
        played.codec = String(reports.get(String(report['codecId']))?.['mimeType'] ?? '');
      }
      return played;
    }, undefined);
  }

  state(): Promise<RTCPeerConnectionState | undefined> {
    return this.#page.evaluate((_none) => window.peer?.connection.connectionState, undefined);
  }

  /** DELETE: its status. The connection is not closed by it. */
  leave(): Promise<number> {
    return this.#page.evaluate(async (bearer) => {
      const reply = await fetch(window.peer?.location ?? '', {
        method: 'DELETE',
        headers: { Authorization: `Bearer ${bearer}` },
      });
      return reply.status;
    }, this.#resource.bearer);
  }

  /** Closes the connection, and tells the server nothing but that. */
  async hangUp(): Promise<void> {
    await this.#page.evaluate((_none) => window.peer?.connection.close(), undefined);
  }

  /** Without waiting for candidates: the server needs none. */
  async #open(): Promise<void> {
    await this.#page.evaluate(async ({ url, bearer }) => {
      const { peer } = window;
      if (peer === undefined) throw new Error('no connection');
      const { connection } = peer;
      await connection.setLocalDescription();
      const reply = await fetch(url, {
        method: 'POST',
        headers: { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/sdp' },
        body: connection.localDescription?.sdp ?? '',
      });
      const text = await reply.text();
      if (reply.status !== 201) throw new Error(`${reply.status} ${text}`);
      // Readable from another origin only where the server exposes them.
      peer.location = new URL(reply.headers.get('Location') ?? 'missing:', url).href;
      peer.etag = reply.headers.get('ETag') ?? '';
      if (peer.etag === '' || reply.headers.get('Link') === null)
        throw new Error('no ETag or Link');
      await connection.setRemoteDescription({ type: 'answer', sdp: text });
    }, this.#resource);
  }
}
