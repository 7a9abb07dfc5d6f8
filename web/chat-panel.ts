// The chat: messages to everybody on the topic `chat`, as UTF-8 text. What others send is bounded in length, in number
// and in pace, and never becomes anything but text.

import type { DataDetail, Room } from '../sdk/index.ts';
import { Allowance } from './allowance.ts';
import { piecesOf } from './chat-text.ts';
import { byId, make } from './dom.ts';
import { shownName, shownText } from './shown-text.ts';
import { problemText } from './state-text.ts';
import { toast } from './toasts.ts';

const TOPIC = 'chat';
const MESSAGES_MAX = 200;
const TEXT_MAX = 2_000;
/** Above this nothing is decoded. */
const BYTES_MAX = 4 * TEXT_MAX;
/** Of a message that comes while the chat is closed. */
const PREVIEW_MAX = 80;
const PREVIEWS_MAX = 3;
const UNREAD_MAX = 99;
/** In pixels: so near to its end the list goes on to follow it. */
const NEAR_END = 60;

interface Message {
  author: string;
  text: string;
  isOwn: boolean;
  /** To us alone. */
  isDirect: boolean;
}

export interface ChatOptions {
  room: Room;
  signal: AbortSignal;
  isOpen: () => boolean;
}

export class ChatPanel {
  readonly #options: ChatOptions;
  readonly #log = byId('chat-log', HTMLElement);
  readonly #text = byId('chat-text', HTMLTextAreaElement);
  readonly #allowance = new Allowance(10, 2);
  readonly #previews = new Allowance(2, 0.3);
  /** What takes previews away again. */
  readonly #shown: (() => void)[] = [];
  #unread = 0;

  constructor(options: ChatOptions) {
    const { room, signal } = options;
    this.#options = options;
    this.#log.replaceChildren();
    this.#showUnread(0);
    room.on('data', (detail) => this.#onData(detail), { signal });
    const form = byId('chat-form', HTMLFormElement);
    form.addEventListener(
      'submit',
      (event) => {
        event.preventDefault();
        void this.#send();
      },
      { signal },
    );
    this.#text.addEventListener(
      'keydown',
      (event) => {
        // Shift and Enter make a new line; and so does Enter where it chooses a character.
        if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        form.requestSubmit();
      },
      { signal },
    );
    this.refresh();
  }

  /** What we may has changed. */
  refresh(): void {
    const { canPublishData } = this.#options.room.self.permissions;
    this.#text.disabled = !canPublishData;
    this.#text.placeholder = canPublishData ? 'Message to everybody' : 'You may not write here';
  }

  /** The panel is open now. */
  opened(): void {
    for (const hide of this.#shown.splice(0)) hide();
    this.#showUnread(0);
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  #onData({ from, participant, topic, payload, direct }: DataDetail): void {
    if (topic !== TOPIC || payload.length === 0 || payload.length > BYTES_MAX) return;
    if (!this.#allowance.take(from, performance.now())) return;
    const text = shownText(new TextDecoder().decode(payload), TEXT_MAX);
    if (!text) return;
    const author = participant ? shownName(participant) : nameWithout(from);
    this.#add({ author, text, isOwn: false, isDirect: direct });
    if (this.#options.isOpen()) return;
    this.#showUnread(this.#unread + 1);
    // However much is written, it is told of now and then, and counted.
    if (!this.#previews.take('', performance.now())) return;
    const line = shownText(text.replaceAll('\n', ' '), PREVIEW_MAX);
    const hide = toast(`${author}: ${line}${line.length < text.length ? '…' : ''}`);
    this.#shown.push(hide);
    if (this.#shown.length > PREVIEWS_MAX) this.#shown.shift();
  }

  async #send(): Promise<void> {
    const text = shownText(this.#text.value, TEXT_MAX);
    if (!text) return;
    this.#text.value = '';
    const item = this.#add({ author: 'You', text, isOwn: true, isDirect: false });
    item.dataset['state'] = 'sending';
    try {
      await this.#options.room.sendData(text, { topic: TOPIC });
      item.dataset['state'] = 'sent';
    } catch (error) {
      item.dataset['state'] = 'failed';
      item.append(make('p', 'chat-fault', 'Not sent'));
      toast(`The message was not sent. ${problemText(error)}`);
      // To be sent again without typing it again.
      this.#text.value ||= text;
    }
  }

  #add({ author, text, isOwn, isDirect }: Message): HTMLElement {
    const log = this.#log;
    const follows = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END;
    const item = make('div', isOwn ? 'chat-message chat-own' : 'chat-message');
    const head = make('p', 'chat-head');
    const name = make('bdi', 'chat-author', author);
    const now = new Date();
    const time = make('time', '', now.toLocaleTimeString([], { timeStyle: 'short' }));
    time.dateTime = now.toISOString();
    head.append(name, ...(isDirect ? [make('span', 'chat-direct', 'to you')] : []), time);
    const body = make('p', 'chat-text');
    body.dir = 'auto';
    body.append(...piecesOf(text).map((piece) => nodeOf(piece.text, piece.href)));
    item.append(head, body);
    log.append(item);
    while (log.children.length > MESSAGES_MAX) log.firstElementChild?.remove();
    if (follows || isOwn) log.scrollTop = log.scrollHeight;
    return item;
  }

  #showUnread(count: number): void {
    this.#unread = count;
    const mark = byId('unread', HTMLElement);
    mark.hidden = count === 0;
    const shown = count > UNREAD_MAX ? `${UNREAD_MAX}+` : String(count);
    if (mark.firstElementChild) mark.firstElementChild.textContent = shown;
  }
}

/** A server of whoever runs the room has no sid. */
function nameWithout(sid: string): string {
  return sid === '' ? 'The organisers' : 'Somebody who has left';
}

function nodeOf(text: string, href: string | undefined): Node {
  if (href === undefined) return document.createTextNode(text);
  const link = make('a', '', text);
  link.href = href;
  link.target = '_blank';
  link.rel = 'noopener noreferrer nofollow';
  return link;
}
