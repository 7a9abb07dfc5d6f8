// The meeting page: from the card to the meeting to the page after it. Exposes the Room as
// `window.sternaRoom`.

import { SternaClientError, join, prepare } from '../sdk/index.ts';
import type { Room } from '../sdk/index.ts';
import { stopTracks } from './devices.ts';
import { byId } from './dom.ts';
import { ownIdentity } from './own-identity.ts';
import { Meeting } from './meeting.ts';
import { inventIdentity, inventRoom, readPageParams, roomLink } from './page-params.ts';
import type { PageParams } from './page-params.ts';
import { Prejoin } from './prejoin.ts';
import type { JoinChoice } from './prejoin.ts';
import { shownText } from './shown-text.ts';
import { endingText, joinProblem } from './state-text.ts';
import { endStay, noteStay, stayAfterReload } from './tab-stay.ts';
import type { Stay } from './tab-stay.ts';
import { startTheme } from './theme.ts';
import { mintDevToken, readClaims } from './token-source.ts';
import type { MintedToken } from './token-source.ts';

declare global {
  interface Window {
    /** The room of this page, for tests and the curious. */
    sternaRoom?: Room;
  }
}

/** How long a join waits for camera and microphone; after that they follow when they come. */
const DEVICES_WAIT_MS = 1_500;

const random = (): number => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;

class Page {
  readonly #params: PageParams;
  readonly #prejoin: Prejoin;
  #name: string;
  #room: string;
  #token: string;
  #encrypted: boolean;

  constructor(params: PageParams) {
    const claims = readClaims(params.token);
    this.#params = params;
    this.#name = params.name || (claims.name ?? '');
    this.#room = claims.room ?? (params.room || inventRoom(random));
    this.#token = params.token;
    this.#encrypted = params.encrypted;
    this.#prejoin = new Prejoin((choice) => void this.#join(choice));
    byId('rejoin', HTMLButtonElement).addEventListener('click', () => this.#showPrejoin());
  }

  async start(): Promise<void> {
    const stay = stayAfterReload();
    if (stay) [this.#name, this.#room, this.#encrypted] = [stay.name, stay.room, stay.encrypted];
    if (this.#params.autojoin) this.#name ||= 'Guest';
    this.#showPrejoin();
    if (stay || this.#params.autojoin) await this.#join(this.#prejoin.choice(), stay);
  }

  #showPrejoin(): void {
    document.body.dataset['view'] = 'prejoin';
    byId('ended', HTMLElement).hidden = true;
    this.#prejoin.showProblem('');
    const [name, room, token, encrypted] = [this.#name, this.#room, this.#token, this.#encrypted];
    this.#prejoin.show({ name, room, token, encrypted });
  }

  /** @param stay the page was loaded again, and the meeting goes on */
  async #join(choice: JoinChoice, stay: Stay | null = null): Promise<void> {
    this.#prejoin.setBusy(true);
    this.#prejoin.showProblem('');
    this.#name = choice.name;
    this.#room = choice.room;
    this.#token = choice.token;
    this.#encrypted = choice.encrypted;
    try {
      const room = await this.#open(choice, stay);
      if (room) this.#enter(room);
      else this.#prejoin.askForToken();
    } catch (error) {
      this.#prejoin.setBusy(false);
      this.#prejoin.showProblem(
        error instanceof SternaClientError ? joinProblem(error) : String(error),
      );
    }
  }

  /** Null when a token is needed that neither the user nor the server has given. */
  async #open(
    { name, room, token, encrypted }: JoinChoice,
    stay: Stay | null,
  ): Promise<Room | null> {
    const { slots } = this.#params;
    const request = { room, identity: inventIdentity(name, random), name };
    const patience = new Promise((resolve) => setTimeout(resolve, DEVICES_WAIT_MS));
    const given: MintedToken = { token };
    const [minted] = await Promise.all([
      token || stay ? given : mintDevToken(request),
      Promise.race([this.#prejoin.whenDevicesReady(), patience]),
    ]);
    if (!minted) return null;
    const url = stay?.url ?? minted.url ?? new URL('.', location.href).href;
    const joined = await join(url, {
      ...(token ? { token } : { tokenProvider: tokensFrom(minted, request) }),
      resume: `page ${room}`,
      ...(this.#prejoin.devicesReady ? { publish: this.#prejoin.devices.stream } : {}),
      relayOnly: this.#params.relay,
      ...(encrypted ? { e2ee: { identity: ownIdentity() } } : {}),
      ...(slots === undefined ? {} : { want: { video: slots } }),
    });
    noteStay({ name, room, encrypted, url });
    return joined;
  }

  #enter(room: Room): void {
    window.sternaRoom = room;
    this.#prejoin.hide();
    const link = roomLink(new URL(location.href), room.info.name, this.#encrypted);
    if (!this.#params.autojoin) history.replaceState(null, '', link);
    document.title = `${shownText(room.info.name, 128)} · Sterna`;
    const meeting = new Meeting({ room, link, onEnd: (error) => this.#showEnd(error) });
    this.#bringDevices(room, meeting).catch((error: unknown) => reportError(error));
  }

  /** Devices that were not open at the join are published as soon as they are. */
  async #bringDevices(room: Room, meeting: Meeting): Promise<void> {
    await this.#prejoin.whenDevicesReady();
    const { stream, faults } = this.#prejoin.devices;
    if (room.state === 'closed') {
      stopTracks(stream);
      return;
    }
    if (room.self.permissions.canPublish) await room.local.publish(stream);
    else stopTracks(stream);
    meeting.showDevices(faults);
  }

  #showEnd(error: SternaClientError | null): void {
    endStay();
    stopTracks(this.#prejoin.devices.stream);
    document.title = 'Sterna';
    document.body.dataset['view'] = 'ended';
    const { title, text } = endingText(error);
    byId('ended-title', HTMLElement).textContent = title;
    byId('ended-text', HTMLElement).textContent = text;
    byId('ended', HTMLElement).hidden = false;
    byId('ended-title', HTMLElement).focus();
  }
}

/** The first token is at hand, unless the page was loaded again; a session that cannot be resumed gets a new one. */
function tokensFrom(
  first: MintedToken,
  request: { room: string; identity: string; name: string },
): (asked: { signal: AbortSignal }) => Promise<string> {
  let used = first.token === '';
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
startTheme();
prepare();
new Page(params).start().catch((error: unknown) => reportError(error));
