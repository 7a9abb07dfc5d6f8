// The buttons for what we send: microphone, camera, screen and hand, as the room says that they are.

import { SternaClientError } from '../sdk/index.ts';
import type { Room } from '../sdk/index.ts';
import { explainDeviceError } from './devices.ts';
import { byId, setIcon, within } from './dom.ts';
import { HAND_ATTRIBUTE, isRaised } from './hands.ts';
import { problemText } from './state-text.ts';
import { toast } from './toasts.ts';

type Source = 'camera' | 'microphone';

const NOT_ALLOWED = 'Your token does not let you send';

export class Controls {
  readonly #room: Room;
  readonly #onChange: () => void;
  readonly #buttons = {
    microphone: byId('mic', HTMLButtonElement),
    camera: byId('cam', HTMLButtonElement),
    screen: byId('share', HTMLButtonElement),
    hand: byId('hand', HTMLButtonElement),
  };
  /** The microphone is on for as long as a key is held. */
  #isTalking = false;

  constructor(room: Room, signal: AbortSignal, onChange: () => void) {
    this.#room = room;
    this.#onChange = onChange;
    const { microphone, camera, screen, hand } = this.#buttons;
    const click = (button: HTMLButtonElement, act: () => Promise<void>): void =>
      button.addEventListener('click', () => void act(), { signal });
    click(microphone, () => this.toggle('microphone'));
    click(camera, () => this.toggle('camera'));
    click(screen, () => this.toggleScreen());
    click(hand, () => this.toggleHand());
  }

  focus(): void {
    this.#buttons.microphone.focus();
  }

  async toggle(source: Source): Promise<void> {
    const { local } = this.#room;
    this.#isTalking = false;
    const on = source === 'camera' ? local.cameraEnabled : local.microphoneEnabled;
    await this.#enable(source, !on);
  }

  /** Push to talk: nothing changes for who is not muted. */
  async talk(on: boolean): Promise<void> {
    const { local, self } = this.#room;
    if (on ? local.microphoneEnabled || !self.permissions.canPublish : !this.#isTalking) return;
    this.#isTalking = on;
    await this.#enable('microphone', on);
    // Whoever has let go of the key before the microphone was open does not talk either.
    if (on && !this.#isTalking) await this.#enable('microphone', false);
  }

  async toggleScreen(): Promise<void> {
    const { local } = this.#room;
    if (this.#buttons.screen.hidden || this.#buttons.screen.disabled) return;
    try {
      await local.enableScreenShare(!local.screenShareEnabled);
    } catch (error) {
      // Who closes the browser's question has changed their mind; that needs no words.
      const refused = error instanceof DOMException && error.name === 'NotAllowedError';
      if (!refused) toast(`The screen is not shared. ${problemText(error)}`);
    }
    this.#onChange();
  }

  async toggleHand(): Promise<void> {
    const up = !isRaised(this.#room.self);
    try {
      await this.#room.setAttributes({ [HAND_ATTRIBUTE]: up ? String(Date.now()) : null });
    } catch (error) {
      toast(problemText(error));
    }
  }

  render(): void {
    const { local, self } = this.#room;
    this.#renderSource('microphone', local.microphoneEnabled);
    this.#renderSource('camera', local.cameraEnabled);
    this.#renderScreen(local.screenShareEnabled);
    const { hand } = this.#buttons;
    const up = isRaised(self);
    hand.dataset['active'] = String(up);
    hand.title = `${up ? 'Lower hand' : 'Raise hand'} (H)`;
    within(hand, '.control-label', HTMLElement).textContent = up ? 'Lower hand' : 'Raise hand';
  }

  async #enable(source: Source, on: boolean): Promise<void> {
    const { local } = this.#room;
    try {
      if (source === 'camera') await local.enableCamera(on);
      else await local.enableMicrophone(on);
    } catch (error) {
      const isOurs = error instanceof SternaClientError;
      toast(isOurs ? problemText(error) : explainDeviceError(source, error));
    }
    this.#onChange();
  }

  #renderSource(source: Source, on: boolean): void {
    const button = this.#buttons[source];
    const mayPublish = this.#room.self.permissions.canPublish;
    const [turnOn, turnOff, key] =
      source === 'camera' ? ['Start video', 'Stop video', 'V'] : ['Unmute', 'Mute', 'M'];
    const label = on ? turnOff : turnOn;
    button.disabled = !mayPublish;
    button.dataset['off'] = String(!on && mayPublish);
    button.title = mayPublish ? `${label} (${key})` : NOT_ALLOWED;
    within(button, '.control-label', HTMLElement).textContent = label;
    setIcon(button, `${source === 'camera' ? 'i-cam' : 'i-mic'}${on ? '' : '-off'}`);
  }

  #renderScreen(on: boolean): void {
    const button = this.#buttons.screen;
    const possible = 'mediaDevices' in navigator && 'getDisplayMedia' in navigator.mediaDevices;
    button.hidden = !possible;
    button.disabled = !this.#room.self.permissions.canPublish;
    button.dataset['active'] = String(on);
    const label = on ? 'Stop sharing' : 'Share screen';
    button.title = button.disabled ? NOT_ALLOWED : `${label} (S)`;
    within(button, '.control-label', HTMLElement).textContent = label;
  }
}
