// One participant on the stage: picture or initials, name, mute sign, speaking ring, and the path that its
// media takes.

import type { ConnectionPath, Participant } from '../sdk/index.ts';
import { byId, within } from './dom.ts';

export class Tile {
  readonly element: HTMLElement;
  readonly #video: HTMLVideoElement;
  readonly #isSelf: boolean;

  constructor(participant: Participant, isSelf: boolean) {
    const template = byId('tile-template', HTMLTemplateElement);
    const copy = document.importNode(template.content, true);
    this.element = within(copy, '.tile', HTMLElement);
    this.#video = within(this.element, 'video', HTMLVideoElement);
    this.#isSelf = isSelf;
    if (isSelf) {
      // One's own voice is not played back.
      this.#video.muted = true;
      this.#video.classList.add('mirrored');
    }
    this.element.dataset['self'] = String(isSelf);
    this.update(participant);
  }

  update(participant: Participant): void {
    // A stream without tracks would hold up the page's load event for ever.
    const stream = participant.tracks.length > 0 ? participant.stream : null;
    if (this.#video.srcObject !== stream) this.#video.srcObject = stream;
    const { name, identity, sid, microphone, camera, state, linkState } = participant;
    const shown = name || identity;
    const data = this.element.dataset;
    data['sid'] = sid;
    data['microphone'] = microphone;
    data['camera'] = camera === 'on' && !this.#hasVideo(participant) ? 'off' : camera;
    data['state'] = state;
    data['link'] = linkState;
    within(this.element, '[data-testid="tile-name"]', HTMLElement).textContent = this.#isSelf
      ? `${shown} (you)`
      : shown;
    within(this.element, '.avatar span', HTMLElement).textContent = initials(shown);
    const mic = within(this.element, '.tile-mic', SVGElement);
    mic.setAttribute('aria-label', microphone === 'off' ? 'Muted' : 'No microphone');
    this.#showState(participant);
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

  /** Starts playing; false when the browser wants a click first. */
  async play(): Promise<boolean> {
    try {
      await this.#video.play();
      return true;
    } catch (error) {
      return !(error instanceof DOMException && error.name === 'NotAllowedError');
    }
  }

  remove(): void {
    this.#video.srcObject = null;
    this.element.remove();
  }

  #hasVideo(participant: Participant): boolean {
    return participant.stream.getVideoTracks().some((track) => track.readyState === 'live');
  }

  #showState(participant: Participant): void {
    const badge = within(this.element, '.tile-state', HTMLElement);
    const text = this.#isSelf ? '' : stateOf(participant);
    badge.textContent = text;
    badge.hidden = text === '';
  }
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
