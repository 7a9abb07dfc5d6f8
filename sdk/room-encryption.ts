// Encryption as a room lives it: who is here and who is gone, messages of the key agreement among the data of others,
// and what of it participants show. Without encryption it does next to nothing. Owned by room.ts.

import type { JoinedMessage, RelayedDataMessage } from '../signaling/protocol.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { ENCRYPTION_TOPIC } from './data-message.ts';
import { NOT_ENCRYPTED } from './encryption.ts';
import type { MediaCrypto, RoomCrypto, RoomEncryption } from './encryption.ts';
import { SternaClientError } from './errors.ts';
import type { Participant } from './participant.ts';
import type { RequestBody } from './request-ledger.ts';
import type { RoomEvents } from './room-events.ts';
import type { RosterChange } from './roster.ts';

/** Tells the others before any key does; nothing depends on it. */
const ATTRIBUTE = 'sterna.e2ee';

export interface EncryptionSink {
  request(body: RequestBody): Promise<unknown>;
  participants(): ReadonlyMap<string, Participant>;
  emit<K extends keyof RoomEvents>(event: K, detail: RoomEvents[K]): void;
}

export class Encryption {
  readonly #crypto: RoomCrypto | null;
  readonly #sink: EncryptionSink;
  #state: RoomEncryption['state'];
  #code = '';

  constructor(crypto: RoomCrypto | null, sink: EncryptionSink) {
    this.#crypto = crypto;
    this.#sink = sink;
    this.#state = crypto ? 'on' : 'off';
  }

  get media(): MediaCrypto | undefined {
    return this.#crypto?.media;
  }

  get attributes(): Record<string, string> {
    return this.#crypto ? { [ATTRIBUTE]: '1' } : {};
  }

  get summary(): RoomEncryption {
    const { fingerprint = '' } = this.#crypto ?? {};
    return { enabled: this.#crypto !== null, state: this.#state, code: this.#code, fingerprint };
  }

  /** A new session. */
  enter({ room, self }: JoinedMessage): void {
    const crypto = this.#crypto;
    if (!crypto) return;
    const mayTell = self.perm.canPublishData && !self.perm.hidden;
    this.#state = mayTell ? 'on' : 'blocked';
    if (!mayTell) {
      const error = new SternaClientError(
        'NOT_ALLOWED',
        'Keys are exchanged with canPublishData alone',
      );
      this.#sink.emit('warning', { participant: undefined, error });
      return;
    }
    const { sid, identity } = self;
    crypto.enter(
      { room: room.name, sid, identity },
      {
        send: async (to, message) => {
          const payload = encodeBase64(message);
          const whom = to === null ? {} : { to: [to] };
          await this.#sink.request({ type: 'data', topic: ENCRYPTION_TOPIC, payload, ...whom });
        },
        onParticipant: (of, encryption) => {
          const participant = this.#sink.participants().get(of);
          if (!participant) return;
          participant.setEncryption({ enabled: true, ...encryption });
          this.#sink.emit('encryption', participant);
          if (encryption.state !== 'changed') return;
          const error = new SternaClientError('IDENTITY_CHANGED');
          this.#sink.emit('warning', { participant, error });
        },
        onCode: (code) => {
          this.#code = code;
        },
      },
    );
  }

  /** Before anybody else hears of it. */
  follow({ joined, left }: RosterChange): void {
    const crypto = this.#crypto;
    if (!crypto) return;
    for (const { participant } of left) crypto.remove(participant.sid);
    for (const participant of joined) {
      const encrypts = participant.attributes[ATTRIBUTE] !== undefined;
      const state = encrypts ? 'waiting' : 'clear';
      participant.setEncryption({ ...NOT_ENCRYPTED, enabled: true, state });
      crypto.add(participant.sid, participant.identity, encrypts);
    }
  }

  recover(): void {
    this.#crypto?.recover();
  }

  /** True for what is no application's to see. */
  take({ from, topic, payload }: RelayedDataMessage): boolean {
    if (topic !== ENCRYPTION_TOPIC) return false;
    const bytes = decodeBase64(payload);
    if (bytes) this.#crypto?.receive(from, bytes);
    return true;
  }

  close(): void {
    this.#crypto?.close();
  }
}
