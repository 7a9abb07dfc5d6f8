// Loudness of a local track, 0 to 1, read through the Web Audio API. One at a time; close() frees the audio
// context.

export class LevelMeter {
  readonly #context = new AudioContext();
  readonly #analyser = this.#context.createAnalyser();
  readonly #samples = new Float32Array(512);
  readonly #end = new AbortController();
  #source: MediaStreamAudioSourceNode | undefined;

  constructor() {
    this.#analyser.fftSize = this.#samples.length;
    const { signal } = this.#end;
    for (const type of ['pointerdown', 'keydown']) {
      document.addEventListener(type, () => this.#wake(), { signal });
    }
  }

  /** Listens to another track, or to none. */
  listen(track: MediaStreamTrack | undefined): void {
    this.#source?.disconnect();
    this.#source = undefined;
    if (!track) return;
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(this.#analyser);
    this.#wake();
  }

  level(): number {
    if (!this.#source) return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    // Speech has an effective value of about 0.05 to 0.2: the square root spreads that over the scale.
    return Math.min(1, Math.sqrt(Math.sqrt(sum / this.#samples.length)) * 1.4);
  }

  close(): void {
    this.listen(undefined);
    this.#end.abort();
    this.#context.close().catch(() => undefined);
  }

  /** Browsers may hold it back until the user has touched the page. */
  #wake(): void {
    if (this.#context.state === 'suspended') this.#context.resume().catch(() => undefined);
  }
}
