// Watches what a page shows and plays of one other participant, and says how long each was interrupted. Pictures are
// looked at where they are drawn, sound where it is played, in the time of the sound itself.

import type { SdkPage } from '../sdk-page.ts';

declare global {
  interface Window {
    gaps: {
      /** Milliseconds of the longest time without a picture, without sound, and without a turn for the page itself. */
      longest: Gaps;
      pictureAt: number;
      turnAt: number;
      /** Asks the listener. */
      sound: () => Promise<number>;
    };
  }
}

export interface Gaps {
  picture: number;
  sound: number;
  page: number;
}

/** Loud enough not to be noise, of a tone that never ends. */
const LISTENER = `registerProcessor('listener', class extends AudioWorkletProcessor {
  silent = 0;
  longest = 0;
  constructor() {
    super();
    this.port.onmessage = () => {
      this.port.postMessage((1000 * this.longest) / sampleRate);
      this.longest = 0;
      this.silent = 0;
    };
  }
  process([input]) {
    for (const sample of input[0] ?? new Float32Array(128)) {
      this.silent = Math.abs(sample) > 0.001 ? 0 : this.silent + 1;
      this.longest = Math.max(this.longest, this.silent);
    }
    return true;
  }
});`;

export class MediaGaps {
  readonly #page: SdkPage;

  private constructor(page: SdkPage) {
    this.#page = page;
  }

  /** Before the join: pictures without end, and a tone instead of a microphone. */
  static async publishes(page: SdkPage): Promise<void> {
    await page.films();
    await page.page.evaluate(async () => {
      const context = new AudioContext();
      await context.resume();
      const tone = new OscillatorNode(context, { frequency: 440 });
      const output = new MediaStreamAudioDestinationNode(context);
      tone.connect(output);
      tone.start();
      for (const track of window.media.getAudioTracks()) track.stop();
      window.media = new MediaStream([
        ...output.stream.getAudioTracks(),
        ...window.media.getVideoTracks(),
      ]);
    });
  }

  /** The other one is there, and its tracks arrive. */
  static async of(page: SdkPage, name: string): Promise<MediaGaps> {
    await page.page.evaluate(
      async ([other, listener]) => {
        const participant = [...window.room.participants.values()].find(
          (one) => one.name === other,
        );
        if (!participant) throw new Error(`${other} is not there`);
        const longest = { picture: 0, sound: 0, page: 0 };
        const now = performance.now();
        window.gaps = { longest, pictureAt: now, turnAt: now, sound: () => Promise.resolve(0) };
        const video = document.createElement('video');
        document.body.append(video);
        video.muted = true;
        video.srcObject = participant.stream;
        await video.play();
        const onFrame = (at: number): void => {
          longest.picture = Math.max(longest.picture, at - window.gaps.pictureAt);
          window.gaps.pictureAt = at;
          video.requestVideoFrameCallback(onFrame);
        };
        video.requestVideoFrameCallback(onFrame);
        setInterval(() => {
          const at = performance.now();
          longest.page = Math.max(longest.page, at - window.gaps.turnAt);
          window.gaps.turnAt = at;
        }, 20);
        const context = new AudioContext();
        await context.resume();
        await context.audioWorklet.addModule(
          `data:text/javascript,${encodeURIComponent(listener)}`,
        );
        const node = new AudioWorkletNode(context, 'listener');
        let source: AudioNode | undefined;
        const listen = (track: MediaStreamTrack): void => {
          const next = new MediaStreamAudioSourceNode(context, {
            mediaStream: new MediaStream([track]),
          });
          next.connect(node);
          source?.disconnect();
          source = next;
        };
        const [first] = participant.stream.getAudioTracks();
        if (first) listen(first);
        // A graph takes one track for good: the application follows it.
        window.room.on('trackReplaced', ({ participant: whose, track }) => {
          if (whose === participant && track.kind === 'audio') listen(track);
        });
        window.gaps.sound = () =>
          new Promise<number>((resolve) => {
            node.port.addEventListener('message', ({ data }) => resolve(Number(data)), {
              once: true,
            });
            node.port.start();
            node.port.postMessage(null);
          });
      },
      [name, LISTENER] as const,
    );
    return new MediaGaps(page);
  }

  /** The longest gaps since it was asked last, and now. */
  async take(): Promise<Gaps> {
    return this.#page.page.evaluate(async () => {
      const { longest, pictureAt } = window.gaps;
      const now = performance.now();
      const gaps = {
        picture: Math.round(Math.max(longest.picture, now - pictureAt)),
        sound: Math.round(await window.gaps.sound()),
        page: Math.round(longest.page),
      };
      Object.assign(longest, { picture: 0, sound: 0, page: 0 });
      window.gaps.pictureAt = now;
      return gaps;
    });
  }
}
