// The meetings that the SFU bench holds: who publishes what, and who receives whom. Every subscription is a connection
// of its own, for every server alike: WHEP asks for one participant.

/** Kinds of media, as section names (`a=mid`) and as numbers in the stamp of a packet. */
export const KINDS = ['video', 'audio'] as const;
export type Kind = (typeof KINDS)[number];

export interface Shape {
  readonly name: string;
  readonly publishers: number;
  /** Of each subscription the publisher it receives, in the order of joining. */
  readonly subscriptions: readonly number[];
  /** Packets of one publisher; 0 where it has no such track. */
  readonly videoPerSecond: number;
  readonly audioPerSecond: number;
}

const VIDEO_PER_SECOND = 180;
const AUDIO_PER_SECOND = 50;

/** One publisher, received by so many. */
export function fanOut(subscribers: number, videoPerSecond: number = VIDEO_PER_SECOND): Shape {
  const rate = videoPerSecond === VIDEO_PER_SECOND ? '' : `@${videoPerSecond}`;
  return {
    name: `1x${subscribers}${rate}`,
    publishers: 1,
    subscriptions: Array.from({ length: subscribers }, () => 0),
    videoPerSecond,
    audioPerSecond: AUDIO_PER_SECOND,
  };
}

/** Everybody publishes, and receives `received` of the others: those who joined after him, around the room. */
function meeting(
  name: string,
  participants: number,
  received: number,
  videoPerSecond: number,
): Shape {
  const subscriptions: number[] = [];
  for (let participant = 0; participant < participants; participant++) {
    for (let step = 1; step <= received; step++) {
      subscriptions.push((participant + step) % participants);
    }
  }
  const audioPerSecond = AUDIO_PER_SECOND;
  return { name, publishers: participants, subscriptions, videoPerSecond, audioPerSecond };
}

export const SHAPES: readonly Shape[] = [
  fanOut(20),
  fanOut(50),
  meeting('10x10', 10, 9, VIDEO_PER_SECOND),
  meeting('audio-50x3', 50, 3, 0),
  fanOut(50, 1000),
];

export function kindsOf(shape: Shape): readonly Kind[] {
  return KINDS.filter((kind) => perSecond(shape, kind) > 0);
}

export function perSecond({ videoPerSecond, audioPerSecond }: Shape, kind: Kind): number {
  return kind === 'video' ? videoPerSecond : audioPerSecond;
}

/** Packets a second that all subscribers together should get. */
export function deliveredPerSecond(shape: Shape): number {
  return shape.subscriptions.length * (shape.videoPerSecond + shape.audioPerSecond);
}
