// A media plane that writes down what media workers would be told, and says what they would say.

import { hostCandidates } from '../../../sfu/ice/candidates.ts';
import type { SfuCommand, SfuEvent } from '../../../sfu/control.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import type { MediaLost, MediaPlace, MediaPlane, MediaShortage } from '../../../signaling/index.ts';

type CommandOf<T extends SfuCommand['type']> = Extract<SfuCommand, { type: T }>;

export class RecordedPlace implements MediaPlace {
  readonly worker = 0;
  readonly candidates = hostCandidates([
    { transport: 'udp', address: TransportAddress.parse('192.0.2.1', 7882)! },
    { transport: 'tcp', address: TransportAddress.parse('192.0.2.1', 7881)! },
  ]);
  readonly fingerprint = `sha-256 ${Array(32).fill('AB').join(':')}`;
  readonly commands: SfuCommand[] = [];
  shortage: MediaShortage | null = null;

  send(command: SfuCommand): void {
    // What a structured clone would not carry fails here.
    this.commands.push(structuredClone(command));
  }

  all<T extends SfuCommand['type']>(type: T): CommandOf<T>[] {
    return this.commands.filter((one): one is CommandOf<T> => one.type === type);
  }

  last<T extends SfuCommand['type']>(type: T): CommandOf<T> {
    const found = this.all(type).at(-1);
    if (found === undefined) throw new Error(`no ${type} in ${JSON.stringify(this.commands)}`);
    return found;
  }

  /** What each slot of a transport is pointed at, as the worker would have it by now. */
  slots(transport: number): Record<string, number> {
    const slots: Record<string, number> = {};
    for (const command of this.commands) {
      if (command.type !== 'sfu.open' && command.type !== 'sfu.bind') continue;
      if (command.id !== transport) continue;
      for (const { mid, publication } of command.slots) slots[mid] = publication;
    }
    return slots;
  }
}

export class RecordedPlane implements MediaPlane {
  current: RecordedPlace = new RecordedPlace();
  /** Rooms that asked for a place, in order. */
  readonly asked: string[] = [];
  #listener: (place: MediaPlace, event: SfuEvent | MediaLost) => void = () => undefined;

  get shortage(): MediaShortage | null {
    return this.current.shortage;
  }

  place(roomSid: string): RecordedPlace {
    this.asked.push(roomSid);
    return this.current;
  }

  onEvent(listener: (place: MediaPlace, event: SfuEvent | MediaLost) => void): void {
    this.#listener = listener;
  }

  emit(event: SfuEvent | MediaLost, place: MediaPlace = this.current): void {
    this.#listener(place, event);
  }
}
