// A page that publishes camera and microphone by its own RTCPeerConnection, on either browser, and does to its senders
// what people and applications do.

import type { ScriptablePage } from '../peers/browser-peer.ts';
import type { SenderAccount } from './trace.ts';

export interface PublishOptions {
  /** Encodings from the smallest to the best; one without a name where there are none. */
  readonly rids: readonly string[];
  readonly audio: boolean;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  /** Of each encoding, or it would be another one on a machine that is slow. */
  readonly maxBitrate: number;
}

interface InPage {
  peer: RTCPeerConnection;
  camera: MediaStreamTrack;
}

export class PublisherPage {
  readonly #page: ScriptablePage;

  constructor(page: ScriptablePage) {
    this.#page = page;
  }

  /** The offer. */
  offer(options: PublishOptions): Promise<string> {
    return this.#page.evaluate(async ({ rids, audio, width, height, frameRate, maxBitrate }) => {
      const inPage = globalThis as unknown as InPage;
      const constraints = { width, height, frameRate };
      const stream = await navigator.mediaDevices.getUserMedia({ audio, video: constraints });
      const [camera] = stream.getVideoTracks();
      if (camera === undefined) throw new Error('no camera');
      const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
      const sendEncodings: RTCRtpEncodingParameters[] =
        rids.length === 0
          ? [{ maxBitrate }]
          : rids.map((rid, i, all) => {
              const scaleResolutionDownBy = 2 ** (all.length - 1 - i);
              return { rid, scaleResolutionDownBy, maxBitrate };
            });
      peer.addTransceiver(camera, { direction: 'sendonly', streams: [stream], sendEncodings });
      for (const track of stream.getAudioTracks()) {
        peer.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
      }
      inPage.peer = peer;
      inPage.camera = camera;
      await peer.setLocalDescription(await peer.createOffer());
      return peer.localDescription?.sdp ?? '';
    }, options);
  }

  async accept(answer: string): Promise<void> {
    await this.#page.evaluate(async (sdp) => {
      const { peer } = globalThis as unknown as InPage;
      await peer.setRemoteDescription({ type: 'answer', sdp });
    }, answer);
  }

  /** Black pictures and silence; and back. */
  async enable(enabled: boolean): Promise<void> {
    await this.#page.evaluate((on) => {
      const { peer } = globalThis as unknown as InPage;
      for (const { track } of peer.getSenders()) if (track) track.enabled = on;
    }, enabled);
  }

  /** Takes the camera's track away from its sender; and back. */
  async replace(withCamera: boolean): Promise<void> {
    await this.#page.evaluate(async (given) => {
      const { peer, camera } = globalThis as unknown as InPage;
      await peer.getSenders()[0]?.replaceTrack(given ? camera : null);
    }, withCamera);
  }

  /** Stops all encodings of all senders; or starts them. */
  async activate(active: boolean): Promise<void> {
    await this.#page.evaluate(async (on) => {
      const { peer } = globalThis as unknown as InPage;
      for (const sender of peer.getSenders()) {
        const parameters = sender.getParameters();
        for (const encoding of parameters.encodings) encoding.active = on;
        // oxlint-disable-next-line no-await-in-loop -- one sender after the other
        await sender.setParameters(parameters);
      }
    }, active);
  }

  /** What the browser says that it has sent. */
  accounts(): Promise<SenderAccount[]> {
    return this.#page.evaluate(async (_none) => {
      const { peer } = globalThis as unknown as InPage;
      const reports = new Map<string, Record<string, string | number | undefined>>();
      const stats = await peer.getStats();
      stats.forEach((report: Record<string, string | number | undefined>) => {
        reports.set(String(report['id']), report);
      });
      const video = [...reports.values()].filter(
        (report) => report['type'] === 'outbound-rtp' && report['kind'] === 'video',
      );
      return video.map((report) => ({
        ssrc: Number(report['ssrc']),
        rid: String(report['rid'] ?? ''),
        codec: String(reports.get(String(report['codecId']))?.['mimeType'] ?? ''),
        frames: Number(report['framesSent'] ?? report['framesEncoded'] ?? -1),
        keyFrames: Number(report['keyFramesEncoded'] ?? -1),
        packets: Number(report['packetsSent']) - Number(report['retransmittedPacketsSent'] ?? 0),
      }));
    }, undefined);
  }

  async close(): Promise<void> {
    await this.#page.evaluate((_none) => {
      const { peer, camera } = globalThis as unknown as InPage;
      camera.stop();
      peer.close();
    }, undefined);
  }

  /** Its name and version. */
  browser(): Promise<string> {
    return this.#page.evaluate((_none) => navigator.userAgent, undefined);
  }
}
