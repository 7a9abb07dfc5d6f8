// What the rooms bench lets a room be: who publishes what, in which encodings, and which of them each one is shown.

import { z } from 'zod';
import { Flow } from '../sfu/flow.ts';
import { audioExtension, RIDS, videoExtension } from './extensions.ts';

/** From the lowest on: packets of a camera's encodings, as many as the load can make and take. */
export const ENCODINGS = [
  { framesPerSecond: 15, perSecond: 15, payloadBytes: 500 },
  { framesPerSecond: 30, perSecond: 30, payloadBytes: 1000 },
  { framesPerSecond: 30, perSecond: 90, payloadBytes: 1000 },
] as const;
/** How tall a picture is to be shown that each of them is for. */
export const LINES = [180, 360, 720] as const;
const SPEAKER = { framesPerSecond: 50, payloadBytes: 100 };
/** RFC 6716 s2.1.9: who is silent sends a frame each 400 ms. */
const SILENT = { framesPerSecond: 2.5, payloadBytes: 40 };

export const roomPlan = z.object({
  rooms: z.number(),
  /** Participants of each; all publish a microphone. */
  size: z.number(),
  /** The first so many of each publish a camera. */
  cameras: z.number(),
  /** The first so many of each speak all the time. */
  speakers: z.number(),
  /** Of whom each one hears. */
  heard: z.number(),
  /** Of the cameras that each one sees, so many the largest and so many in the middle; the others small. */
  large: z.number(),
  middle: z.number(),
});
export type RoomPlan = z.output<typeof roomPlan>;

/** One participant of the load, numbered through all rooms. */
export interface Seat {
  readonly number: number;
  readonly room: number;
  /** In its room. */
  readonly place: number;
  readonly hasCamera: boolean;
  readonly speaks: boolean;
}

/** Everybody of a room comes before everybody of the next one. */
export function seatsOf({ rooms, size, cameras, speakers }: RoomPlan): Seat[] {
  return Array.from({ length: rooms * size }, (_, number) => {
    const place = number % size;
    return {
      number,
      room: Math.floor(number / size),
      place,
      hasCamera: place < cameras,
      speaks: place < speakers,
    };
  });
}

/** The microphone first, then the encodings from the lowest on. */
export function flowsOf({ number, hasCamera, speaks }: Seat): Flow[] {
  const sound = speaks ? SPEAKER : SILENT;
  const extension = audioExtension('audio', speaks);
  const microphone = new Flow('audio', number, sound.framesPerSecond, { ...sound, extension });
  if (!hasCamera) return [microphone];
  const camera = ENCODINGS.map(({ perSecond, ...options }, layer) => {
    const of = { ...options, layer, extension: videoExtension('video', RIDS[layer]!) };
    return new Flow('video', number, perSecond, of);
  });
  return [microphone, ...camera];
}

/** The layer in which one is to see the n-th of the others who have a camera, counted from its own place on. */
export function layerOf({ large, middle }: RoomPlan, n: number): number {
  if (n < large) return 2;
  return n < large + middle ? 1 : 0;
}

/** The others of its room with a camera, those behind it first. */
export function seenBy(seat: Seat, seats: readonly Seat[]): Seat[] {
  const room = seats.filter((other) => other.room === seat.room);
  const around = [...room.slice(seat.place + 1), ...room.slice(0, seat.place)];
  return around.filter(({ hasCamera }) => hasCamera);
}

/** The others whom it hears: those who speak first. */
export function heardBy(seat: Seat, seats: readonly Seat[], { heard }: RoomPlan): Seat[] {
  return seats
    .filter((other) => other.room === seat.room && other !== seat)
    .toSorted((a, b) => Number(b.speaks) - Number(a.speaks))
    .slice(0, heard);
}
