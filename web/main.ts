// The meeting page: from the card to the meeting to the page after it. Exposes the Room as `window.sternaRoom`.

import { SternaClientError, join, prepare } from '../sdk/index.ts';
import type { Room } from '../sdk/index.ts';
import { stopTracks } from './devices.ts';
import { byId } from './dom.ts';
import { Meeting } from './meeting.ts';
import { inventIdentity, inventRoom, readPageParams, roomLink } from './page-params.ts';
import type { PageParams } from './page-params.ts';
import { Prejoin } from './prejoin.ts';
import type { JoinChoice } from './prejoin.ts';
import { endingText, joinProblem } from './state-text.ts';
import { mintDevToken, readClaims } from './token-source.ts';
import type { MintedToken } from './token-source.ts';

declare global {
  interface Window {
    /** The room of this page, for tests and the curious. */
    sternaRoom?: Room;
  }
}

/** How long an automatic join waits for camera and microphone before it goes in without them. */
const AUTOJOIN_DEVICES_MS = 1_500;

const random = (): number => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;

class Page {
  readonly #params: PageParams;
  readonly #prejoin: Prejoin;
  #name: string;
  #room: string;
  #token: string;

  constructor(params: PageParams) {
    const claims = readClaims(params.token);
    this.#params = params;
    this.#name = params.name || (claims.name ?? '');
    this.#room = claims.room ?? (params.room || inventRoom(random));
    this.#token = params.token;
    this.#prejoin = new Prejoin((choice) => void this.#join(choice));
    byId('rejoin', HTMLButtonElement).addEventListener('click', () => void this.#showPrejoin());
  }

  async start(): Promise<void> {
    const shown = this.#showPrejoin();
    if (!this.#params.autojoin) return;
    this.#name ||= 'Guest';
    const patience = new Promise((resolve) => setTimeout(resolve, AUTOJOIN_DEVICES_MS));
    await Promise.race([shown, patience]);
    await this.#join({ ...this.#prejoin.choice(), name: this.#name });
  }

  #showPrejoin(): Promise<void> {
    document.body.dataset['view'] = 'prejoin';
    byId('ended', HTMLElement).hidden = true;
    this.#prejoin.showProblem('');
    return this.#prejoin.show({ name: this.#name, room: this.#room, token: this.#token });
  }

  async #join(choice: JoinChoice): Promise<void> {
    this.#prejoin.setBusy(true);
    this.#prejoin.showProblem('');
    this.#name = choice.name;
    this.#room = choice.room;
    this.#token = choice.token;
    const request = {
      room: choice.room,
      identity: inventIdentity(choice.name, random),
      name: choice.name,
    };
    try {
      const first: MintedToken | null = choice.token
        ? { token: choice.token }
        : await mintDevToken(request);
      if (!first) {
        this.#prejoin.askForToken();
        return;
      }
      const room = await join(first.url ?? new URL('.', location.href), {
        ...(choice.token ? { token: choice.token } : { tokenProvider: tokensFrom(first, request) }),
        publish: choice.stream,
        relayOnly: this.#params.relay,
      });
      this.#enter(room, choice);
    } catch (error) {
      this.#prejoin.setBusy(false);
      this.#prejoin.showProblem(
        error instanceof SternaClientError ? joinProblem(error) : String(error),
      );
    }
  }

  #enter(room: Room, choice: JoinChoice): void {
    window.sternaRoom = room;
    this.#prejoin.hide();
    const link = roomLink(new URL(location.href), room.info.name);
    if (!this.#params.autojoin) history.replaceState(null, '', link);
    document.title = `${room.info.name} · Sterna`;
    const meeting = new Meeting({
      room,
      link,
      faults: choice.faults,
      onEnd: (error) => this.#showEnd(error),
    });
    void meeting;
  }

  #showEnd(error: SternaClientError | null): void {
    stopTracks(this.#prejoin.choice().stream);
    document.title = 'Sterna';
    document.body.dataset['view'] = 'ended';
    const { title, text } = endingText(error);
    byId('ended-title', HTMLElement).textContent = title;
    byId('ended-text', HTMLElement).textContent = text;
    byId('ended', HTMLElement).hidden = false;
    byId('ended-title', HTMLElement).focus();
  }
}

/** The first token is at hand; a session that cannot be resumed gets a new one. */
function tokensFrom(
  first: MintedToken,
  request: { room: string; identity: string; name: string },
): (asked: { signal: AbortSignal }) => Promise<string> {
  let used = false;
  return async ({ signal }) => {
    if (!used) {
      used = true;
      return first.token;
    }
    const minted = await mintDevToken(request, signal);
    if (!minted) throw new Error('The server mints no tokens any more');
    return minted.token;
  };
}

const params = readPageParams(new URL(location.href));
// A token must not stay in the address bar, where links are copied from.
if (params.token) history.replaceState(null, '', location.pathname + location.search);
prepare();
new Page(params).start().catch((error: unknown) => reportError(error));
