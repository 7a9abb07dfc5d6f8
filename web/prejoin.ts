// The card before the meeting: name, room, a look at camera, microphone and speaker. Hands over what was chosen.

import {
  adviceFor,
  deviceIdOf,
  explainFaults,
  fillDevices,
  openDevices,
  stopTracks,
} from './devices.ts';
import type { DeviceChoice, OpenedDevices } from './devices.ts';
import { byId, setIcon } from './dom.ts';
import { LevelMeter } from './level-meter.ts';
import { chooseSpeaker, fillSpeakers, playTestSound } from './speaker.ts';
import { problemText } from './state-text.ts';

export interface JoinChoice {
  name: string;
  room: string;
  token: string;
  /** From end to end. */
  encrypted: boolean;
}

const LEVEL_EVERY_MS = 60;

function onClick(id: string, act: () => void): void {
  byId(id, HTMLButtonElement).addEventListener('click', act);
}

export class Prejoin {
  readonly #section = byId('prejoin', HTMLElement);
  readonly #form = byId('join-form', HTMLFormElement);
  readonly #name = byId('name', HTMLInputElement);
  readonly #room = byId('room', HTMLInputElement);
  readonly #token = byId('token', HTMLTextAreaElement);
  readonly #encrypted = byId('encrypted', HTMLInputElement);
  readonly #button = byId('join', HTMLButtonElement);
  readonly #video = byId('preview-video', HTMLVideoElement);
  readonly #note = byId('preview-note', HTMLElement);
  readonly #level = byId('level', HTMLMeterElement);
  readonly #selects = {
    camera: byId('camera', HTMLSelectElement),
    microphone: byId('microphone', HTMLSelectElement),
  };
  readonly #speaker = byId('speaker', HTMLSelectElement);
  readonly #toggles = {
    camera: byId('preview-cam', HTMLButtonElement),
    microphone: byId('preview-mic', HTMLButtonElement),
  };
  #meter: LevelMeter | undefined;
  #meterTimer: ReturnType<typeof setInterval> | undefined;
  #opened: OpenedDevices = { stream: new MediaStream(), faults: {} };
  /** Undefined while nothing is being opened. */
  #opening: Promise<OpenedDevices> | undefined;
  #taken: Promise<void> = Promise.resolve();
  #wanted = { camera: true, microphone: true };
  /** The user wants neither camera nor microphone: what still opens is closed again. */
  #isBare = false;

  constructor(onJoin: (choice: JoinChoice) => void) {
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.#checkForm()) onJoin(this.choice());
    });
    for (const kind of ['camera', 'microphone'] as const) {
      this.#toggles[kind].addEventListener('click', () => this.#toggle(kind));
      this.#selects[kind].addEventListener('change', () => this.#reopen());
    }
    onClick('retry-devices', () => this.#reopen());
    onClick('speaker-test', () => void this.#testSpeaker());
    onClick('join-bare', () => {
      if (!this.#checkForm()) return;
      this.#dropDevices();
      onJoin(this.choice());
    });
    this.#speaker.addEventListener('change', () => chooseSpeaker(this.#speaker.value));
    if ('mediaDevices' in navigator) {
      navigator.mediaDevices.addEventListener('devicechange', () => this.#onPlugged());
    }
  }

  /** Shows the card and begins to open the devices. */
  show(values: JoinChoice): void {
    this.#section.hidden = false;
    this.#name.value = values.name;
    this.#room.value = values.room;
    this.#token.value = values.token;
    this.#encrypted.checked = values.encrypted;
    if (values.token) this.#lockRoom();
    this.setBusy(false);
    (values.name ? this.#button : this.#name).focus({ preventScroll: true });
    this.#reopen();
  }

  /** Hides the card. The devices stay open: they go into the meeting. */
  hide(): void {
    this.#section.hidden = true;
    this.#video.srcObject = null;
    clearInterval(this.#meterTimer);
    this.#meter?.close();
    this.#meter = undefined;
  }

  choice(): JoinChoice {
    return {
      name: this.#name.value.trim(),
      room: this.#room.value.trim(),
      token: this.#token.value.trim(),
      encrypted: this.#encrypted.checked,
    };
  }

  /** Camera and microphone as far as they are open by now. */
  get devices(): OpenedDevices {
    return this.#opened;
  }

  /** False while the user has yet to answer the browser's question, or a device is slow. */
  get devicesReady(): boolean {
    return this.#opening === undefined;
  }

  /** Resolves when the devices are open or refused. */
  whenDevicesReady(): Promise<void> {
    return this.#taken;
  }

  setBusy(busy: boolean): void {
    this.#button.disabled = busy;
    byId('join-bare', HTMLButtonElement).disabled = busy;
    for (const select of Object.values(this.#selects)) select.disabled = busy;
    this.#button.textContent = busy ? 'Joining…' : 'Join';
  }

  /** This server mints no tokens: asks for one. */
  askForToken(): void {
    byId('token-field', HTMLElement).hidden = false;
    this.setBusy(false);
    this.showProblem('This server needs an access token.');
    this.#token.focus();
  }

  showProblem(text: string): void {
    const problem = byId('problem', HTMLElement);
    problem.textContent = text;
    problem.hidden = text === '';
  }

  /** The token decides on the room. */
  #lockRoom(): void {
    this.#room.readOnly = this.#room.value !== '';
  }

  #checkForm(): boolean {
    const missing = [this.#name, this.#room].find((input) => input.value.trim() === '');
    this.showProblem(
      missing ? `Please enter ${missing === this.#name ? 'your name' : 'a room'}.` : '',
    );
    missing?.focus();
    return !missing;
  }

  #dropDevices(): void {
    this.#isBare = true;
    stopTracks(this.#opened.stream);
    this.#opening = undefined;
    this.#taken = Promise.resolve();
    this.#opened = { stream: new MediaStream(), faults: {} };
    this.#showOpened();
  }

  /** What was missing may be there now, and what was open may be gone. */
  #onPlugged(): void {
    if (this.#section.hidden || this.#opening || this.#isBare) return;
    const { stream, faults } = this.#opened;
    const isGone = stream.getTracks().some(({ readyState }) => readyState === 'ended');
    const wasMissing = faults.camera === 'missing' || faults.microphone === 'missing';
    if (isGone || wasMissing) this.#reopen();
    else this.#fillSelects();
  }

  async #testSpeaker(): Promise<void> {
    const button = byId('speaker-test', HTMLButtonElement);
    button.disabled = true;
    try {
      await playTestSound();
    } catch (error) {
      this.showProblem(`The speaker does not play. ${problemText(error)}`);
    }
    button.disabled = false;
  }

  #reopen(): void {
    this.#isBare = false;
    const choice: DeviceChoice = {
      camera: this.#selects.camera.value || undefined,
      microphone: this.#selects.microphone.value || undefined,
    };
    stopTracks(this.#opened.stream);
    const opening = openDevices(choice);
    this.#opening = opening;
    const take = async (): Promise<void> => {
      const opened = await opening;
      if (this.#opening === opening) this.#take(opened);
      // Another choice was made meanwhile, or none is wanted any more.
      else stopTracks(opened.stream);
    };
    this.#taken = take();
  }

  #take(opened: OpenedDevices): void {
    const [microphone] = opened.stream.getAudioTracks();
    const [camera] = opened.stream.getVideoTracks();
    this.#opening = undefined;
    this.#opened = opened;
    if (microphone) microphone.enabled = this.#wanted.microphone;
    if (camera) camera.enabled = this.#wanted.camera;
    this.#showOpened();
  }

  #showOpened(): void {
    if (this.#section.hidden) return;
    const { stream } = this.#opened;
    const [microphone] = stream.getAudioTracks();
    // A stream without tracks would hold up the page's load event for ever.
    this.#video.srcObject = stream.getVideoTracks().length > 0 ? stream : null;
    this.#watchLevel(microphone);
    this.#render();
    this.#fillSelects();
  }

  #fillSelects(): void {
    const { stream } = this.#opened;
    const { camera, microphone } = this.#selects;
    Promise.all([
      fillDevices(camera, 'camera', deviceIdOf(stream.getVideoTracks()[0])),
      fillDevices(microphone, 'microphone', deviceIdOf(stream.getAudioTracks()[0])),
      fillSpeakers('speaker-field', this.#speaker),
    ]).catch(() => undefined);
  }

  #toggle(kind: 'camera' | 'microphone'): void {
    this.#wanted[kind] = !this.#wanted[kind];
    const { stream } = this.#opened;
    const tracks = kind === 'camera' ? stream.getVideoTracks() : stream.getAudioTracks();
    for (const track of tracks) track.enabled = this.#wanted[kind];
    this.#render();
  }

  #render(): void {
    const { stream, faults } = this.#opened;
    const has = {
      camera: stream.getVideoTracks().length > 0,
      microphone: stream.getAudioTracks().length > 0,
    };
    for (const kind of ['camera', 'microphone'] as const) {
      const button = this.#toggles[kind];
      const on = has[kind] && this.#wanted[kind];
      button.disabled = !has[kind];
      button.setAttribute('aria-pressed', String(on));
      const fault = faults[kind];
      button.title = fault
        ? explainFaults({ [kind]: fault })
        : `${on ? 'Switch off' : 'Switch on'} the ${kind}`;
      setIcon(button, `${kind === 'camera' ? 'i-cam' : 'i-mic'}${on ? '' : '-off'}`);
    }
    this.#video.hidden = !(has.camera && this.#wanted.camera);
    this.#note.hidden = !this.#video.hidden;
    this.#note.textContent = has.camera
      ? 'Your camera is off.'
      : `You can still join and ${has.microphone ? 'speak' : 'watch'}.`;
    const what = explainFaults(faults);
    byId('device-problem', HTMLElement).hidden = what === '';
    byId('device-problem-text', HTMLElement).textContent = `${what} ${adviceFor(faults)}`;
  }

  #watchLevel(track: MediaStreamTrack | undefined): void {
    clearInterval(this.#meterTimer);
    this.#level.value = 0;
    if (!track) return;
    this.#meter ??= new LevelMeter();
    this.#meter.listen(track);
    this.#meterTimer = setInterval(() => {
      this.#level.value = this.#meter?.level() ?? 0;
    }, LEVEL_EVERY_MS);
  }
}
