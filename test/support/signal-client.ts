// A client of the signaling protocol without media, for tests: the SDK's SignalConnection on the WebSocket
// of `ws`.

import { WebSocket } from 'ws';
import type { SternaClientError } from '../../sdk/errors.ts';
import { SignalConnection } from '../../sdk/signal-connection.ts';
import type { SignalOptions } from '../../sdk/signal-connection.ts';
import type { JoinedHow } from '../../sdk/signal-session.ts';
import { signalUrl } from '../../sdk/signal-url.ts';
import type { JoinedMessage, PushMessage } from '../../signaling/protocol.ts';

/** What a room would be: writes down what the connection tells it. */
export class SignalClient {
  readonly connection: SignalConnection;
  readonly joins: { message: JoinedMessage; how: JoinedHow }[] = [];
  readonly pushes: PushMessage[] = [];
  readonly away: string[] = [];
  /** Pauses before the attempts, milliseconds. */
  readonly delays: number[] = [];
  tokens = 0;
  /** Messages about who speaks. */
  speakers = 0;
  closed: SternaClientError | null | undefined;
  #changed: () => void = () => undefined;

  constructor(url: string, token: () => string, options: Partial<SignalOptions> = {}) {
    this.connection = new SignalConnection(
      {
        url: signalUrl(url),
        token: async () => {
          this.tokens += 1;
          return token();
        },
        tokenRenews: true,
        reconnectForMs: 30_000,
        joinBody: () => ({}),
        joinOffer: async () => ({}),
        openSocket: (address, protocol) => new WebSocket(address, protocol),
        now: () => Date.now(),
        random: () => 0,
        ...options,
      },
      {
        onSocketOpen: () => undefined,
        onJoinSent: () => undefined,
        onSpeakers: () => {
          this.speakers += 1;
        },
        onJoined: (message, how) => {
          this.joins.push({ message, how });
          this.#changed();
        },
        onPush: (message) => {
          this.pushes.push(message);
          this.#changed();
        },
        onAway: ({ reason, delayMs }) => {
          this.delays.push(delayMs);
          this.away.push(reason);
          this.#changed();
        },
        onClosed: (error) => {
          this.closed = error;
          this.#changed();
        },
      },
    );
    this.connection.start();
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      // oxlint-disable-next-line no-await-in-loop
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  joined(times = 1): Promise<void> {
    return this.until(() => this.joins.length >= times);
  }

  get how(): JoinedHow[] {
    return this.joins.map(({ how }) => how);
  }

  get sid(): string {
    return this.joins.at(-1)?.message.self.sid ?? '';
  }

  /** Payloads of `data` in order of arrival. */
  get data(): string[] {
    return this.pushes
      .filter((push) => push.type === 'data')
      .map(({ payload }) => Buffer.from(payload, 'base64').toString());
  }

  async say(text: string): Promise<void> {
    const payload = Buffer.from(text).toString('base64');
    await this.connection.request({ type: 'data', payload });
  }
}
