// Where sound comes out: the device that was chosen, where the browser lets one choose, and a sound to test it with.

import { fillDevices } from './devices.ts';
import { byId } from './dom.ts';
import { remember, remembered } from './stored.ts';

/** Two tones, so that it is told from any other noise. Hertz. */
const TONES = [523, 784];
const TONE_SECONDS = 0.35;
const LOUDNESS = 0.2;

let chosen = remembered('speaker') ?? '';

/** Fills a selector, which is shown only where there is a choice. */
export async function fillSpeakers(fieldId: string, select: HTMLSelectElement): Promise<void> {
  await fillDevices(select, 'speaker', chosen);
  const isChoice = 'setSinkId' in HTMLMediaElement.prototype && !select.disabled;
  byId(fieldId, HTMLElement).hidden = !isChoice;
}

export function chooseSpeaker(deviceId: string): void {
  chosen = deviceId;
  remember('speaker', deviceId || null);
}

/** Lets the element play through the chosen device; one that is gone is as if none was chosen. */
export async function useSpeaker(element: HTMLMediaElement): Promise<void> {
  if (!('setSinkId' in element) || element.sinkId === chosen) return;
  try {
    await element.setSinkId(chosen);
  } catch {
    await element.setSinkId('').catch(() => undefined);
  }
}

/** Resolves when it is over. */
export async function playTestSound(): Promise<void> {
  const context = new AudioContext();
  const out = context.createMediaStreamDestination();
  const volume = context.createGain();
  volume.gain.value = LOUDNESS;
  volume.connect(out);
  const begin = context.currentTime + 0.1;
  for (const [at, hertz] of TONES.entries()) {
    const tone = context.createOscillator();
    tone.frequency.value = hertz;
    tone.connect(volume);
    tone.start(begin + at * TONE_SECONDS);
    tone.stop(begin + (at + 1) * TONE_SECONDS);
  }
  const player = new Audio();
  player.srcObject = out.stream;
  try {
    await useSpeaker(player);
    await context.resume();
    await player.play();
    await new Promise((resolve) => {
      setTimeout(resolve, (TONES.length * TONE_SECONDS + 0.4) * 1000);
    });
  } finally {
    player.srcObject = null;
    await context.close();
  }
}
