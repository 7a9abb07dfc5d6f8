// The meeting on the page: tiles, controls, banner and details of one Room, from join to its end.

import type { Participant, Room, StateDetail } from '../sdk/index.ts';
import { SternaClientError } from '../sdk/index.ts';
import { explainDeviceError, explainFaults, fillDevices } from './devices.ts';
import type { DeviceFaults } from './devices.ts';
import { byId, setIcon, within } from './dom.ts';
import { tileSize } from './grid.ts';
import { bannerFor } from './state-text.ts';
import { Tile } from './tile.ts';
import { renderTimeline } from './timeline-panel.ts';
import { toast } from './toasts.ts';

export interface MeetingOptions {
  room: Room;
  /** What is copied by the link button. */
  link: string;
  onEnd: (error: SternaClientError | null) => void;
}

const GAP_PX = 12;
const SPEAKING_EVERY_MS = 150;
const SPEAKING_LEVEL = 0.02;
const DETAILS_EVERY_MS = 1_000;
const PASSING_BANNER_MS = 3_000;

type Source = 'camera' | 'microphone';

export class Meeting {
  readonly #room: Room;
  readonly #options: MeetingOptions;
  readonly #section = byId('meeting', HTMLElement);
  readonly #grid = byId('grid', HTMLElement);
  readonly #panel = byId('panel', HTMLElement);
  readonly #buttons = {
    microphone: byId('mic', HTMLButtonElement),
    camera: byId('cam', HTMLButtonElement),
    details: byId('details', HTMLButtonElement),
  };
  readonly #tiles = new Map<string, Tile>();
  readonly #selfTile: Tile;
  readonly #end = new AbortController();
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
    this.#selfTile = new Tile(room.self, true);
    this.#grid.replaceChildren(this.#selfTile.element);
    for (const participant of room.participants.values()) this.#addTile(participant);
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
    room.on(
      'participantJoined',
      (participant) => {
        this.#addTile(participant);
        toast(`${participant.name || participant.identity} joined`);
        this.#refresh();
      },
      { signal },
    );
    room.on(
      'participantLeft',
      ({ participant }) => {
        this.#tiles.get(participant.sid)?.remove();
        this.#tiles.delete(participant.sid);
        toast(`${participant.name || participant.identity} left`);
        this.#refresh();
      },
      { signal },
    );
    room.on('participantUpdated', (participant) => this.#tileOf(participant)?.update(participant), {
      signal,
    });
    for (const event of ['trackAdded', 'trackRemoved'] as const) {
      room.on(event, ({ participant }) => void this.#onTrack(participant), { signal });
    }
    room.on('path', ({ participant, path }) => this.#tileOf(participant)?.showPath(path), {
      signal,
    });
    room.on('state', (detail) => this.#onState(detail), { signal });
    room.on('closed', ({ error }) => this.#close(error), { signal });
  }

  #listenToPage(): void {
    const { signal } = this.#end;
    const click = (id: string, act: () => void): void =>
      byId(id, HTMLButtonElement).addEventListener('click', act, { signal });
    click('mic', () => void this.#toggle('microphone'));
    click('cam', () => void this.#toggle('camera'));
    click('copy', () => void this.#copyLink());
    click('details', () => this.#toggleDetails());
    click('panel-close', () => this.#toggleDetails());
    click('leave', () => this.#room.leave());
    click('banner-action', () => {
      this.#hideBanner();
      for (const tile of this.#tiles.values()) void tile.play();
    });
    document.addEventListener('keydown', (event) => this.#onKey(event), { signal });
    this.#listenToDevices(signal);
    const observer = new ResizeObserver(() => this.#layOut());
    observer.observe(this.#grid);
    const speaking = setInterval(() => this.#showSpeaking(), SPEAKING_EVERY_MS);
    const details = setInterval(() => void this.#refreshDetails(), DETAILS_EVERY_MS);
    signal.addEventListener('abort', () => {
      observer.disconnect();
      clearInterval(speaking);
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

  #tileOf(participant: Participant): Tile | undefined {
    if (participant === this.#room.self) return this.#selfTile;
    return this.#tiles.get(participant.sid);
  }

  #addTile(participant: Participant): void {
    const tile = new Tile(participant, false);
    this.#tiles.set(participant.sid, tile);
    this.#grid.append(tile.element);
  }

  async #onTrack(participant: Participant): Promise<void> {
    const tile = this.#tileOf(participant);
    tile?.update(participant);
    if (tile && !(await tile.play())) this.#offerSound();
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
      this.#selfTile.update(this.#room.self);
      for (const tile of this.#tiles.values()) tile.showPath(null);
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

  #onKey(event: KeyboardEvent): void {
    const { target } = event;
    const typing =
      target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]');
    if (typing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape' && !this.#panel.hidden) this.#toggleDetails();
    else if (event.key.toLowerCase() === 'm') void this.#toggle('microphone');
    else if (event.key.toLowerCase() === 'v') void this.#toggle('camera');
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

  /** The newest round trip on each tile, and the timeline while it is open. */
  async #refreshDetails(): Promise<void> {
    if (!this.#panel.hidden) renderTimeline(byId('timeline', HTMLElement), this.#room);
    const tiles = [...this.#tiles].map(async ([sid, tile]) => {
      const path = await this.#room.connectionPath(sid);
      if (path) tile.showPath(path);
    });
    await Promise.all(tiles).catch(() => undefined);
  }

  #showSpeaking(): void {
    for (const [sid, tile] of this.#tiles) {
      tile.showSpeaking(this.#room.audioLevel(sid) > SPEAKING_LEVEL);
    }
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
    const { local, self } = this.#room;
    this.#renderControl('microphone', local.microphoneEnabled);
    this.#renderControl('camera', local.cameraEnabled);
    this.#selfTile.update(self);
    this.#showViewerNote();
    byId('count', HTMLElement).textContent = String(this.#tiles.size + 1);
    byId('alone', HTMLElement).hidden = this.#tiles.size > 0;
    this.#layOut();
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

  #layOut(): void {
    const { clientWidth: width, clientHeight: height } = this.#grid;
    const size = tileSize(this.#tiles.size + 1, { width, height }, GAP_PX);
    this.#grid.style.setProperty('--tile-width', `${size.width}px`);
    this.#grid.style.setProperty('--tile-height', `${size.height}px`);
  }

  #close(error: SternaClientError | null): void {
    this.#end.abort();
    for (const tile of this.#tiles.values()) tile.remove();
    this.#tiles.clear();
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
