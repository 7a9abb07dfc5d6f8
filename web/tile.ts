// One tile on the stage: a participant with picture or initials, name, mute sign, speaking ring and the path that its
// media takes; or a shared screen.

import { Publication } from '../sdk/index.ts';
import type { ConnectionPath, LocalPublication, Participant } from '../sdk/index.ts';
import { byId, within } from './dom.ts';
import { isRaised } from './hands.ts';
import { shownName } from './shown-text.ts';
import { useSpeaker } from './speaker.ts';
import { qualityText } from './state-text.ts';
import { pictureText } from './track-rates.ts';
import type { TrackRate } from './track-rates.ts';

export interface TileOptions {
  isSelf: boolean;
  isScreen: boolean;
  /** Somebody wants this tile large, or not any more. */
  onPin: () => void;
}

/** `waiting`: the camera is on, but the server sends others in its place. */
type Picture = 'on' | 'off' | 'none' | 'waiting';

export class Tile {
  readonly element: HTMLElement;
  readonly #options: TileOptions;
  readonly #video: HTMLVideoElement;
  readonly #pin: HTMLButtonElement;
  /** Pictures of others that it shows, and says the size of. */
  readonly #watched = new Set<Publication>();
  #label = '';

  constructor(options: TileOptions) {
    const template = byId('tile-template', HTMLTemplateElement);
    const copy = document.importNode(template.content, true);
    this.element = within(copy, '.tile', HTMLElement);
    this.#options = options;
    this.#video = within(this.element, 'video', HTMLVideoElement);
    this.#pin = within(this.element, '.tile-pin', HTMLButtonElement);
    // One's own voice is not played back, nor the sound of one's own screen.
    this.#video.muted = options.isSelf;
    this.#video.classList.toggle('mirrored', options.isSelf && !options.isScreen);
    this.element.dataset['self'] = String(options.isSelf);
    this.element.dataset['kind'] = options.isScreen ? 'screen' : 'person';
    this.showPinned(false);
    this.useSpeaker();
    this.#pin.addEventListener('click', (event) => {
      event.stopPropagation();
      options.onPin();
    });
    this.element.addEventListener('click', () => options.onPin());
  }

  update(participant: Participant): void {
    const { sid, microphone, state, linkState } = participant;
    const shown = shownName(participant);
    const picture = this.#pictureOf(participant);
    // A stream without tracks would hold up the page's load event for ever.
    this.#show(participant.tracks.length > 0 ? participant.stream : null);
    this.#watch(this.#options.isSelf ? [] : participant.publications.filter(isPicture));
    const data = this.element.dataset;
    data['sid'] = sid;
    data['microphone'] = microphone;
    data['camera'] = picture;
    data['state'] = state;
    data['link'] = linkState;
    this.#name(shown, this.#options.isSelf ? `${shown} (you)` : shown);
    within(this.element, '.avatar span', HTMLElement).textContent = initials(shown);
    const mic = within(this.element, '.tile-mic', SVGElement);
    mic.setAttribute('aria-label', microphone === 'off' ? 'Muted' : 'No microphone');
    this.#showQuality(participant.publications.find(isPicture));
    within(this.element, '.tile-hand', HTMLElement).hidden = !isRaised(participant);
    this.#showState(this.#options.isSelf ? '' : stateOf(participant));
    this.element.title =
      picture === 'waiting' ? 'There is not room for all pictures: pin this one to see it.' : '';
  }

  /** The screen of somebody, or one's own. */
  updateScreen(name: string, sid: string, screen: Publication | LocalPublication): void {
    const isOthers = screen instanceof Publication;
    const arrives = !isOthers || screen.track !== null;
    this.#show(arrives ? screen.stream : null);
    this.#watch(isOthers ? [screen] : []);
    this.#showQuality(isOthers ? screen : undefined);
    const data = this.element.dataset;
    data['sid'] = sid;
    data['camera'] = arrives ? 'on' : 'waiting';
    const label = this.#options.isSelf ? 'Your screen' : `${name}’s screen`;
    this.#name(label, label);
    within(this.element, '.avatar span', HTMLElement).textContent = initials(name);
  }

  showPath(path: ConnectionPath | null): void {
    const badge = within(this.element, '.tile-path', HTMLElement);
    if (!path) {
      badge.textContent = '';
      delete badge.dataset['path'];
      return;
    }
    const rtt = path.rttMs === null ? '' : ` ${roundTrip(path.rttMs)}`;
    badge.dataset['path'] = path.type;
    badge.textContent = `${path.type}${rtt}`;
    const relayed = path.relayProtocol ? `, relay reached over ${path.relayProtocol}` : '';
    badge.title = `Path: local ${path.local}, remote ${path.remote}, ${path.protocol}${relayed}`;
  }

  showSpeaking(speaking: boolean): void {
    this.element.dataset['speaking'] = String(speaking);
  }

  showPinned(pinned: boolean): void {
    this.element.dataset['pinned'] = String(pinned);
    this.#pin.setAttribute('aria-pressed', String(pinned));
    this.#pin.title = pinned ? 'Unpin' : 'Pin';
  }

  /** Its numbers over the picture; none: they are not wanted. */
  showStats(rates: readonly TrackRate[]): void {
    const lines = rates.map(({ track, kbps }) =>
      [track.codec, pictureText(track), `${kbps} kbit/s`, `lost ${track.packetsLost}`]
        .filter(Boolean)
        .join(' '),
    );
    this.#showBadge('.tile-stats', lines.join('\n'));
  }

  /** Sound comes out of the device that was chosen. */
  useSpeaker(): void {
    if (!this.#options.isSelf) void useSpeaker(this.#video);
  }

  /** What it is called. */
  get label(): string {
    return this.#label;
  }

  /** Large, above the others. */
  showSpotlight(on: boolean): void {
    this.element.dataset['spotlight'] = String(on);
  }

  /** Starts playing; false when the browser wants a click first. */
  async play(): Promise<boolean> {
    // Without anything to play, play() would wait for it.
    if (!this.#video.srcObject) return true;
    try {
      await this.#video.play();
      return true;
    } catch (error) {
      return !(error instanceof DOMException && error.name === 'NotAllowedError');
    }
  }

  remove(): void {
    this.#watch([]);
    this.#video.srcObject = null;
    this.element.remove();
  }

  /** What is not to be seen, or small, is not sent, or small. */
  #watch(publications: readonly Publication[]): void {
    const shown = this.#video.srcObject === null ? [] : publications;
    for (const publication of this.#watched) {
      if (shown.includes(publication)) continue;
      this.#watched.delete(publication);
      publication.detach(this.#video);
    }
    for (const publication of shown) {
      this.#watched.add(publication);
      publication.attach(this.#video);
    }
  }

  #showQuality(publication: Publication | undefined): void {
    const quality = publication?.quality ?? null;
    this.element.dataset['quality'] = quality?.reason ?? '';
    this.#showBadge('.tile-quality', qualityText(quality));
  }

  #show(stream: MediaStream | null): void {
    if (this.#video.srcObject !== stream) this.#video.srcObject = stream;
  }

  #name(label: string, shown: string): void {
    within(this.element, '[data-testid="tile-name"]', HTMLElement).textContent = shown;
    if (this.#label === label) return;
    this.#label = label;
    within(this.#pin, 'span', HTMLElement).textContent = `Pin ${label}`;
  }

  #pictureOf({ camera, stream, publications }: Participant): Picture {
    const live = stream.getVideoTracks().some(({ readyState }) => readyState === 'live');
    if (camera !== 'on' || live) return camera;
    return publications.some(isCamera) ? 'waiting' : 'off';
  }

  #showState(text: string): void {
    this.#showBadge('.tile-state', text);
  }

  #showBadge(selector: string, text: string): void {
    const badge = within(this.element, selector, HTMLElement);
    badge.textContent = text;
    badge.hidden = text === '';
  }
}

function isCamera({ source, track }: Publication): boolean {
  return source === 'camera' && track === null;
}

function isPicture({ kind, source }: Publication): boolean {
  return kind === 'video' && source !== 'screen';
}

function stateOf({ state, linkState }: Participant): string {
  if (linkState === 'new' || linkState === 'connecting') return 'Connecting…';
  if (linkState === 'disconnected' || linkState === 'failed') return 'Connection lost, retrying…';
  return state === 'away' ? 'Away' : '';
}

function roundTrip(ms: number): string {
  return ms < 1 ? '<1 ms' : `${Math.round(ms)} ms`;
}

/** Up to two letters for the avatar. */
export function initials(name: string): string {
  const words = name.split(/[\s._-]+/).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined];
  return letters
    .map((word) => Array.from(word ?? '')[0] ?? '')
    .join('')
    .toUpperCase();
}
