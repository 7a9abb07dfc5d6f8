// Camera, microphone and speaker while in the meeting: the selectors in the settings, kept up to what is plugged in.

import type { Room } from '../sdk/index.ts';
import { deviceIdOf, explainDeviceError, fillDevices } from './devices.ts';
import { byId } from './dom.ts';
import { chooseSpeaker, fillSpeakers } from './speaker.ts';
import { toast } from './toasts.ts';

export interface CallDevicesOptions {
  room: Room;
  signal: AbortSignal;
  /** Camera or microphone is another one. */
  onChange: () => void;
  /** Sound comes out elsewhere. */
  onSpeaker: () => void;
}

export class CallDevices {
  readonly #room: Room;
  readonly #camera = byId('call-camera', HTMLSelectElement);
  readonly #microphone = byId('call-microphone', HTMLSelectElement);
  readonly #speaker = byId('call-speaker', HTMLSelectElement);

  constructor({ room, signal, onChange, onSpeaker }: CallDevicesOptions) {
    this.#room = room;
    const follow = (source: 'camera' | 'microphone', select: HTMLSelectElement): void => {
      const change = async (): Promise<void> => {
        try {
          await room.local.switchDevice(source, select.value);
        } catch (error) {
          toast(explainDeviceError(source, error));
          this.fill();
        }
        onChange();
      };
      select.addEventListener('change', () => void change(), { signal });
    };
    follow('camera', this.#camera);
    follow('microphone', this.#microphone);
    const onChosen = (): void => {
      chooseSpeaker(this.#speaker.value);
      onSpeaker();
    };
    this.#speaker.addEventListener('change', onChosen, { signal });
    if ('mediaDevices' in navigator) {
      navigator.mediaDevices.addEventListener('devicechange', () => this.fill(), { signal });
    }
  }

  fill(): void {
    const { stream } = this.#room.local;
    Promise.all([
      fillDevices(this.#camera, 'camera', deviceIdOf(stream.getVideoTracks()[0])),
      fillDevices(this.#microphone, 'microphone', deviceIdOf(stream.getAudioTracks()[0])),
      fillSpeakers('call-speaker-field', this.#speaker),
    ]).catch(() => undefined);
  }
}
