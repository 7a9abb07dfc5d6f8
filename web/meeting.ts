// The meeting on the page: puts stage, controls, panels and messages of one Room together, from join to its end.

import type { Participant, Room, StateDetail } from '../sdk/index.ts';
import type { SternaClientError } from '../sdk/index.ts';
import { Allowance } from './allowance.ts';
import { Banner } from './banner.ts';
import { CallDevices } from './call-devices.ts';
import { ChatPanel } from './chat-panel.ts';
import { Controls } from './controls.ts';
import { Details } from './details.ts';
import { explainFaults } from './devices.ts';
import type { DeviceFaults } from './devices.ts';
import { byId } from './dom.ts';
import { showEncryption } from './encryption.ts';
import { Hands } from './hands.ts';
import { closeMenus, startOverflow } from './overflow.ts';
import { Panels } from './panels.ts';
import { PeoplePanel } from './people-panel.ts';
import { Reactions } from './reactions.ts';
import { shownName, shownText } from './shown-text.ts';
import { listenToKeys } from './shortcuts.ts';
import { showSimulatePanel } from './simulate-panel.ts';
import { Stage } from './stage.ts';
import { bannerFor } from './state-text.ts';
import { toast } from './toasts.ts';

export interface MeetingOptions {
  room: Room;
  /** What is copied by the link button. */
  link: string;
  onEnd: (error: SternaClientError | null) => void;
}

const ROOM_NAME_MAX = 128;

export class Meeting {
  readonly #room: Room;
  readonly #options: MeetingOptions;
  readonly #section = byId('meeting', HTMLElement);
  readonly #end = new AbortController();
  readonly #stage: Stage;
  readonly #banner: Banner;
  readonly #controls: Controls;
  readonly #panels: Panels;
  readonly #chat: ChatPanel;
  readonly #people: PeoplePanel;
  readonly #reactions: Reactions;
  readonly #devices: CallDevices;
  readonly #details: Details;
  readonly #hands = new Hands<Participant>();
  /** Of hands: who waves is not told of each time. */
  readonly #news = new Allowance(2, 0.1);
  #microphoneWasOn = false;
  /** Undefined until camera and microphone are open or refused. */
  #faults: DeviceFaults | undefined;

  constructor(options: MeetingOptions) {
    const { room } = options;
    const { signal } = this.#end;
    this.#options = options;
    this.#room = room;
    document.body.dataset['view'] = 'meeting';
    this.#section.hidden = false;
    byId('room-name', HTMLElement).textContent = shownText(room.info.name, ROOM_NAME_MAX);
    const isOpen = (name: string) => (): boolean => this.#panels.open === name;
    this.#panels = new Panels(signal, (open) => this.#onPanel(open));
    this.#banner = new Banner(signal);
    this.#stage = new Stage(room, signal, () => this.#offerSound());
    this.#controls = new Controls(room, signal, () => this.#refresh());
    this.#chat = new ChatPanel({ room, signal, isOpen: isOpen('chat') });
    this.#people = new PeoplePanel({ room, hands: this.#hands, isOpen: isOpen('people') }, signal);
    this.#reactions = new Reactions(room, signal);
    this.#devices = new CallDevices({
      room,
      signal,
      onChange: () => this.#refresh(),
      onSpeaker: () => this.#stage.useSpeaker(),
    });
    this.#details = new Details({ room, stage: this.#stage, isOpen: isOpen('details') }, signal);
    showSimulatePanel(room, signal);
    showEncryption(room, signal);
    startOverflow(signal);
    // Hands that are up already are no news.
    this.#hands.look(this.#everybody());
    this.#listenToRoom(signal);
    this.#listenToPage(signal);
    this.#refresh();
    this.#controls.focus();
  }

  /** Camera and microphone are open now, as far as they can be. */
  showDevices(faults: DeviceFaults): void {
    this.#faults = faults;
    this.#devices.fill();
    this.#refresh();
  }

  #everybody(): Participant[] {
    return [this.#room.self, ...this.#room.participants.values()];
  }

  #listenToRoom(signal: AbortSignal): void {
    const room = this.#room;
    const say = (participant: Participant, what: string): void => {
      toast(`${shownName(participant)} ${what}`);
      this.#refresh();
    };
    room.on('participantJoined', (participant) => say(participant, 'joined'), { signal });
    room.on('participantLeft', ({ participant }) => say(participant, 'left'), { signal });
    room.on('participantUpdated', (participant) => this.#onUpdate(participant), { signal });
    room.on('state', (detail) => this.#onState(detail), { signal });
    room.on('closed', ({ error }) => this.#close(error), { signal });
  }

  #listenToPage(signal: AbortSignal): void {
    const click = (id: string, act: () => void): void =>
      byId(id, HTMLButtonElement).addEventListener('click', act, { signal });
    click('copy', () => void this.#copyLink());
    click('leave', () => this.#room.leave());
    listenToKeys(
      {
        letters: {
          m: () => void this.#controls.toggle('microphone'),
          v: () => void this.#controls.toggle('camera'),
          s: () => void this.#controls.toggleScreen(),
          h: () => void this.#controls.toggleHand(),
          c: () => this.#panels.toggle('chat'),
          p: () => this.#panels.toggle('people'),
        },
        escape: () => this.#panels.close(),
        talk: (on) => void this.#controls.talk(on),
      },
      signal,
    );
  }

  #onPanel(open: string | null): void {
    if (open === 'chat') this.#chat.opened();
    if (open === 'people') this.#people.refresh();
    if (open === 'details') void this.#details.refresh();
  }

  /** Also when somebody else has muted us, or a device is gone. */
  #onUpdate(participant: Participant): void {
    if (participant === this.#room.self) {
      const { local } = this.#room;
      if (this.#microphoneWasOn && !local.microphoneEnabled && local.publications.length > 0) {
        toast('Your microphone was muted');
      }
      this.#chat.refresh();
      this.#reactions.refresh();
    }
    this.#refresh();
  }

  /** Browsers play sound only after a click, unless the page captures something itself. */
  #offerSound(): void {
    this.#banner.show({
      text: 'The browser waits for a click before it plays sound.',
      tone: 'warn',
      action: { label: 'Turn sound on', act: () => this.#stage.playAll() },
    });
  }

  #onState(detail: StateDetail): void {
    if (detail.how === 'rejoined') {
      this.#stage.forgetPaths();
      this.#refresh();
    }
    const banner = bannerFor(detail);
    if (banner) this.#banner.show(banner);
    else this.#banner.hide();
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

  #showViewerNote(): void {
    const { local, self } = this.#room;
    const note = byId('viewer-note', HTMLElement);
    note.hidden = local.publications.length > 0;
    if (!self.permissions.canPublish) {
      note.textContent = 'You are watching: your token does not let you send.';
    } else if (this.#faults) {
      const why = explainFaults(this.#faults);
      note.textContent = `You are watching. ${why || 'Unmute or start the video when you like.'}`;
    } else {
      note.textContent = 'You are watching until the browser has opened camera and microphone.';
    }
  }

  #showHands(): void {
    const { self } = this.#room;
    for (const participant of this.#hands.look(this.#everybody())) {
      const isNews = participant !== self && this.#news.take(participant.sid, performance.now());
      if (isNews) toast(`${shownName(participant)} has raised a hand`);
    }
    const mark = byId('hands', HTMLElement);
    mark.hidden = this.#hands.count === 0;
    if (mark.firstElementChild) mark.firstElementChild.textContent = String(this.#hands.count);
  }

  #refresh(): void {
    this.#microphoneWasOn = this.#room.local.microphoneEnabled;
    this.#controls.render();
    this.#stage.refresh();
    this.#showHands();
    this.#people.refresh();
    this.#showViewerNote();
    byId('count', HTMLElement).textContent = String(this.#stage.count);
    byId('alone', HTMLElement).hidden = this.#stage.count > 1;
  }

  #close(error: SternaClientError | null): void {
    for (const dialog of document.querySelectorAll('dialog')) dialog.close();
    closeMenus();
    this.#end.abort();
    this.#section.hidden = true;
    this.#options.onEnd(error);
  }
}
