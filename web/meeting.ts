// The meeting on the page: tiles, controls, banner and details of one Room, from join to its end.

import type { Participant, Room, StateDetail } from '../sdk/index.ts';
import { SternaClientError } from '../sdk/index.ts';
import { explainDeviceError, explainFaults, fillDevices } from './devices.ts';
import type { DeviceFaults } from './devices.ts';
import { byId, setIcon, within } from './dom.ts';
import { showSimulatePanel } from './simulate-panel.ts';
import { Stage } from './stage.ts';
import { bannerFor } from './state-text.ts';
import { StatsPanel } from './stats-panel.ts';
import { renderTimeline } from './timeline-panel.ts';
import { toast } from './toasts.ts';

export interface MeetingOptions {
  room: Room;
  /** What is copied by the link button. */
  link: string;
  onEnd: (error: SternaClientError | null) => void;
}

const DETAILS_EVERY_MS = 1_000;
const PASSING_BANNER_MS = 3_000;

type Source = 'camera' | 'microphone';

export class Meeting {
  readonly #room: Room;
  readonly #options: MeetingOptions;
  readonly #section = byId('meeting', HTMLElement);
  readonly #panel = byId('panel', HTMLElement);
  readonly #buttons = {
    microphone: byId('mic', HTMLButtonElement),
    camera: byId('cam', HTMLButtonElement),
    screen: byId('share', HTMLButtonElement),
    details: byId('details', HTMLButtonElement),
  };
  readonly #end = new AbortController();
  readonly #stage: Stage;
  readonly #stats: StatsPanel;
  #microphoneWasOn = false;
  /** Undefined until camera and microphone are open or refused. */
  #faults: DeviceFaults | undefined;
  #fillSelects: () => void = () => undefined;
  #bannerTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: MeetingOptions) {
    const { room } = options;
    this.#options = options;
    this.#room = room;
    document.body.dataset['view'] = 'meeting';
    this.#section.hidden = false;
    byId('room-name', HTMLElement).textContent = room.info.name;
    this.#stage = new Stage(room, this.#end.signal, () => this.#offerSound());
    this.#stats = new StatsPanel(byId('stats', HTMLElement), room);
    showSimulatePanel(room, this.#end.signal);
    this.#listenToRoom();
    this.#listenToPage();
    this.#refresh();
    this.#buttons.microphone.focus();
  }

  /** Camera and microphone are open now, as far as they can be. */
  showDevices(faults: DeviceFaults): void {
    this.#faults = faults;
    this.#fillSelects();
    this.#refresh();
  }

  #listenToRoom(): void {
    const room = this.#room;
    const { signal } = this.#end;
    const say = ({ name, identity }: Participant, what: string): void => {
      toast(`${name || identity} ${what}`);
      this.#refresh();
    };
    room.on('participantJoined', (participant) => say(participant, 'joined'), { signal });
    room.on('participantLeft', ({ participant }) => say(participant, 'left'), { signal });
    room.on('participantUpdated', (participant) => this.#onUpdate(participant), { signal });
    room.on('state', (detail) => this.#onState(detail), { signal });
    room.on('closed', ({ error }) => this.#close(error), { signal });
  }

  #listenToPage(): void {
    const { signal } = this.#end;
    const click = (id: string, act: () => void): void =>
      byId(id, HTMLButtonElement).addEventListener('click', act, { signal });
    click('mic', () => void this.#toggle('microphone'));
    click('cam', () => void this.#toggle('camera'));
    click('share', () => void this.#toggleScreen());
    click('copy', () => void this.#copyLink());
    click('details', () => this.#toggleDetails());
    click('panel-close', () => this.#toggleDetails());
    click('leave', () => this.#room.leave());
    click('banner-action', () => {
      this.#hideBanner();
      this.#stage.playAll();
    });
    document.addEventListener('keydown', (event) => this.#onKey(event), { signal });
    this.#listenToDevices(signal);
    const details = setInterval(() => void this.#refreshDetails(), DETAILS_EVERY_MS);
    signal.addEventListener('abort', () => {
      clearInterval(details);
      clearTimeout(this.#bannerTimer);
    });
  }

  #listenToDevices(signal: AbortSignal): void {
    const selects = {
      camera: byId('call-camera', HTMLSelectElement),
      microphone: byId('call-microphone', HTMLSelectElement),
    };
    const fill = (): void => {
      const { stream } = this.#room.local;
      const filled = [
        fillDevices(selects.camera, 'camera', stream.getVideoTracks()[0]),
        fillDevices(selects.microphone, 'microphone', stream.getAudioTracks()[0]),
      ];
      Promise.all(filled).catch(() => undefined);
    };
    for (const source of ['camera', 'microphone'] as const) {
      selects[source].addEventListener(
        'change',
        () => {
          this.#room.local
            .switchDevice(source, selects[source].value)
            .then(() => this.#refresh())
            .catch((error: unknown) => toast(deviceProblem(source, error)));
        },
        { signal },
      );
    }
    if ('mediaDevices' in navigator) {
      navigator.mediaDevices.addEventListener('devicechange', fill, { signal });
    }
    this.#fillSelects = fill;
  }

  /** Also when somebody else has muted us, or a device is gone. */
  #onUpdate(participant: Participant): void {
    if (participant !== this.#room.self) return;
    const { local } = this.#room;
    if (this.#microphoneWasOn && !local.microphoneEnabled && local.publications.length > 0) {
      toast('Your microphone was muted');
    }
    this.#refresh();
  }

  /** Browsers play sound only after a click, unless the page captures something itself. */
  #offerSound(): void {
    this.#showBanner('The browser waits for a click before it plays sound.', 'warn');
    const action = byId('banner-action', HTMLButtonElement);
    action.textContent = 'Turn sound on';
    action.hidden = false;
  }

  #onState(detail: StateDetail): void {
    const banner = bannerFor(detail);
    if (detail.how === 'rejoined') {
      this.#stage.forgetPaths();
      this.#refresh();
    }
    if (!banner) {
      this.#hideBanner();
      return;
    }
    this.#showBanner(banner.text, banner.tone);
    if (banner.passing) this.#bannerTimer = setTimeout(() => this.#hideBanner(), PASSING_BANNER_MS);
  }

  #showBanner(text: string, tone: 'warn' | 'good'): void {
    clearTimeout(this.#bannerTimer);
    const banner = byId('banner', HTMLElement);
    banner.dataset['tone'] = tone;
    banner.hidden = false;
    byId('banner-text', HTMLElement).textContent = text;
    byId('banner-action', HTMLButtonElement).hidden = true;
  }

  #hideBanner(): void {
    byId('banner', HTMLElement).hidden = true;
  }

  async #toggle(source: Source): Promise<void> {
    const { local } = this.#room;
    const on = source === 'camera' ? local.cameraEnabled : local.microphoneEnabled;
    try {
      if (source === 'camera') await local.setCameraEnabled(!on);
      else await local.setMicrophoneEnabled(!on);
    } catch (error) {
      toast(deviceProblem(source, error));
    }
    this.#refresh();
  }

  async #toggleScreen(): Promise<void> {
    const { local } = this.#room;
    try {
      await local.setScreenShareEnabled(!local.screenShareEnabled);
    } catch (error) {
      // Who closes the browser's question has changed their mind; that needs no words.
      const refused = error instanceof DOMException && error.name === 'NotAllowedError';
      if (!refused) toast(error instanceof Error ? error.message : String(error));
    }
    this.#refresh();
  }

  #onKey(event: KeyboardEvent): void {
    const { target } = event;
    const typing =
      target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]');
    if (typing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape' && !this.#panel.hidden) this.#toggleDetails();
    else if (event.key.toLowerCase() === 'm') void this.#toggle('microphone');
    else if (event.key.toLowerCase() === 'v') void this.#toggle('camera');
    else if (event.key.toLowerCase() === 's' && !this.#buttons.screen.disabled) {
      void this.#toggleScreen();
    }
  }

  async #copyLink(): Promise<void> {
    const { link } = this.#options;
    try {
      await navigator.clipboard.writeText(link);
      toast('Link copied');
    } catch {
      toast(link);
    }
  }

  #toggleDetails(): void {
    const open = this.#panel.hidden;
    this.#panel.hidden = !open;
    this.#buttons.details.setAttribute('aria-expanded', String(open));
    if (open) {
      void this.#refreshDetails();
      byId('panel-close', HTMLButtonElement).focus();
    } else {
      this.#buttons.details.focus();
    }
  }

  /** The newest round trips, and the panel while it is open. */
  async #refreshDetails(): Promise<void> {
    if (!this.#panel.hidden) {
      renderTimeline(byId('timeline', HTMLElement), this.#room);
      await this.#stats.refresh().catch(() => undefined);
    }
    await this.#stage.refreshPaths();
  }

  #showViewerNote(): void {
    const { local, self } = this.#room;
    const note = byId('viewer-note', HTMLElement);
    note.hidden = local.publications.length > 0;
    if (!self.permissions.canPublish) {
      note.textContent = 'You are watching: your token does not let you send.';
    } else if (this.#faults) {
      note.textContent = `You are watching. ${explainFaults(this.#faults)}`;
    } else {
      note.textContent = 'You are watching until the browser has opened camera and microphone.';
    }
  }

  #refresh(): void {
    const { local } = this.#room;
    this.#microphoneWasOn = local.microphoneEnabled;
    this.#renderControl('microphone', local.microphoneEnabled);
    this.#renderControl('camera', local.cameraEnabled);
    this.#renderScreenControl(local.screenShareEnabled);
    this.#stage.refresh();
    this.#showViewerNote();
    byId('count', HTMLElement).textContent = String(this.#stage.count);
    byId('alone', HTMLElement).hidden = this.#stage.count > 1;
  }

  #renderControl(source: Source, on: boolean): void {
    const button = this.#buttons[source];
    const mayPublish = this.#room.self.permissions.canPublish;
    const [turnOn, turnOff, key] =
      source === 'camera' ? ['Start video', 'Stop video', 'V'] : ['Unmute', 'Mute', 'M'];
    const label = on ? turnOff : turnOn;
    button.disabled = !mayPublish;
    button.dataset['off'] = String(!on && mayPublish);
    button.title = mayPublish ? `${label} (${key})` : 'Your token does not let you send';
    within(button, '.control-label', HTMLElement).textContent = label;
    setIcon(button, `${source === 'camera' ? 'i-cam' : 'i-mic'}${on ? '' : '-off'}`);
  }

  #renderScreenControl(on: boolean): void {
    const button = this.#buttons.screen;
    const possible = 'mediaDevices' in navigator && 'getDisplayMedia' in navigator.mediaDevices;
    button.hidden = !possible;
    button.disabled = !this.#room.self.permissions.canPublish;
    button.dataset['active'] = String(on);
    const label = on ? 'Stop sharing' : 'Share screen';
    button.title = button.disabled ? 'Your token does not let you send' : `${label} (S)`;
    within(button, '.control-label', HTMLElement).textContent = label;
  }

  #close(error: SternaClientError | null): void {
    this.#end.abort();
    this.#hideBanner();
    this.#panel.hidden = true;
    this.#buttons.details.setAttribute('aria-expanded', 'false');
    this.#section.hidden = true;
    this.#options.onEnd(error);
  }
}

function deviceProblem(source: Source, error: unknown): string {
  return error instanceof SternaClientError ? error.message : explainDeviceError(source, error);
}
