// Which rooms have transports in which workers, and what these workers therefore tell each other: each knows what the
// participants of its rooms publish in the others, and is sent what somebody there is shown. A room of one worker costs
// nothing but the memory of who is in it. Called by: SfuPlane, its owner, with all commands and events.

import type { MediaSetup, PipeCommand, SfuCommand, SfuEvent } from '../../sfu/control.ts';

type CommandOf<Type extends SfuCommand['type']> = Extract<SfuCommand, { type: Type }>;
type Speakers = Extract<SfuEvent, { type: 'sfu.speakers' }>;
type Heard = Extract<SfuEvent, { type: 'sfu.heard' }>;

export interface RoomSpansParts {
  readonly send: (worker: number, command: SfuCommand | PipeCommand) => void;
  /** Whose speakers count has changed: those that worker has told of are the room's now. */
  readonly tell: (worker: number, speakers: Speakers) => void;
}

/** One transport. */
interface Member {
  readonly id: number;
  readonly worker: number;
  readonly span: Span;
  /** What it publishes, and nothing else. */
  media: MediaSetup;
  /** Which encodings it was told are wanted, by publication. */
  readonly encodings: Map<number, CommandOf<'sfu.encodings'>>;
}

/** One room. */
interface Span {
  readonly sid: string;
  readonly members: Map<number, Member>;
  /** How many of them each worker has, in the order in which the room came there; the first evaluates who speaks. */
  readonly counts: Map<number, number>;
  /** What those said last that do not lead. */
  readonly said: Map<number, Speakers>;
  /** The microphones that are heard, as the one said that leads. */
  heard: readonly number[];
}

const NOWHERE: ReadonlyMap<number, number> = new Map();

export class RoomSpans {
  readonly #parts: RoomSpansParts;
  readonly #spans = new Map<string, Span>();
  readonly #members = new Map<number, Member>();
  /** Who publishes it. */
  readonly #publishers = new Map<number, Member>();
  /** Workers that are dead, as long as their transports are counted. */
  readonly #dead = new Set<number>();

  constructor(parts: RoomSpansParts) {
    this.#parts = parts;
  }

  /** Transports of a room by worker, in the order in which it came there. */
  countsOf(room: string): ReadonlyMap<number, number> {
    return this.#spans.get(room)?.counts ?? NOWHERE;
  }

  /** The worker that has the publisher. */
  homeOf(publication: number): number | undefined {
    return this.#publishers.get(publication)?.worker;
  }

  /** A command has been sent to its worker. */
  commanded(worker: number, command: SfuCommand): void {
    if (command.type === 'sfu.open') this.#opened(worker, command);
    else if (command.type === 'sfu.change') this.#changed(command);
    else if (command.type === 'sfu.mute') this.#muted(command);
    else if (command.type === 'sfu.encodings') this.#wanted(command);
  }

  /** A transport is there no more. */
  closed(id: number): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    const { span, worker } = member;
    this.#members.delete(id);
    span.members.delete(id);
    this.#publish(member, NOTHING);
    const left = span.counts.get(worker)! - 1;
    if (left > 0) span.counts.set(worker, left);
    else this.#leave(span, worker);
    if (span.counts.size === 0) this.#spans.delete(span.sid);
  }

  /** Somebody in that worker is shown the publication, or nobody is any more. */
  watched(worker: number, publication: number, isOpen: boolean): void {
    const home = this.homeOf(publication);
    if (home === undefined || this.#dead.has(worker)) return;
    this.#send(home, { type: 'sfu.pipe', publication, worker, isOpen });
  }

  /** Whether that worker speaks for the room; what others say is kept until they do. */
  speaks(worker: number, speakers: Speakers): boolean {
    const span = this.#spans.get(speakers.room);
    if (span === undefined || this.#leader(span) === worker) return true;
    if (span.counts.has(worker)) span.said.set(worker, speakers);
    return false;
  }

  /** Whether that worker decides who is heard; the others go by it. */
  hears(worker: number, { room, publications }: Heard): boolean {
    const span = this.#spans.get(room);
    if (span === undefined) return true;
    if (this.#leader(span) !== worker) return false;
    span.heard = publications;
    for (const other of span.counts.keys()) if (other !== worker) this.#tellHeard(span, other);
    return true;
  }

  /** The worker died; its transports are counted until `closed`. */
  down(worker: number): void {
    const neighbours = new Set<number>();
    const led: Span[] = [];
    for (const span of this.#spans.values()) {
      if (!span.counts.has(worker)) continue;
      if (this.#leader(span) === worker) led.push(span);
      for (const other of span.counts.keys()) neighbours.add(other);
    }
    this.#dead.add(worker);
    for (const other of neighbours) this.#send(other, { type: 'sfu.severed', worker });
    for (const span of led) this.#tellOf(span);
  }

  /** Another one has taken its place, and all that it had is closed. */
  up(worker: number): void {
    this.#dead.delete(worker);
  }

  #opened(worker: number, { id, room: sid, media }: CommandOf<'sfu.open'>): void {
    if (this.#members.has(id)) return;
    const span: Span = this.#spans.get(sid) ?? newSpan(sid);
    this.#spans.set(sid, span);
    const count = span.counts.get(worker) ?? 0;
    span.counts.set(worker, count + 1);
    if (count === 0) {
      for (const other of span.members.values()) this.#mirror(other, worker);
      if (this.#leader(span) !== worker) this.#tellHeard(span, worker);
    }
    const member: Member = { id, worker, span, media: NOTHING, encodings: new Map() };
    span.members.set(id, member);
    this.#members.set(id, member);
    this.#publish(member, publishedOf(media));
  }

  #changed({ id, media }: CommandOf<'sfu.change'>): void {
    const member = this.#members.get(id);
    if (member !== undefined) this.#publish(member, publishedOf(media));
  }

  #muted({ publication, muted }: CommandOf<'sfu.mute'>): void {
    const member = this.#publishers.get(publication);
    if (member === undefined) return;
    const { sections, publications } = member.media;
    const changed = publications.map((one) =>
      one.publication === publication ? { publication, mid: one.mid, muted } : one,
    );
    member.media = { sections, publications: changed };
    for (const other of this.#others(member)) {
      this.#send(other, { type: 'sfu.mute', publication, muted });
    }
  }

  #wanted(command: CommandOf<'sfu.encodings'>): void {
    const member = this.#publishers.get(command.publication);
    if (member === undefined) return;
    member.encodings.set(command.publication, command);
    for (const other of this.#others(member)) this.#send(other, command);
  }

  /** All that a member publishes from now on. */
  #publish(member: Member, media: MediaSetup): void {
    const before = member.media.publications.length;
    for (const { publication } of member.media.publications) {
      if (this.#publishers.get(publication) === member) this.#publishers.delete(publication);
    }
    for (const { publication } of media.publications) this.#publishers.set(publication, member);
    for (const publication of member.encodings.keys()) {
      if (this.#publishers.get(publication) !== member) member.encodings.delete(publication);
    }
    member.media = media;
    if (media.publications.length > 0) {
      for (const other of this.#others(member)) this.#mirror(member, other);
    } else if (before > 0) {
      const ids = [member.id];
      for (const other of this.#others(member)) this.#send(other, { type: 'sfu.unmirror', ids });
    }
  }

  /** The last transport of the room there is gone. */
  #leave(span: Span, worker: number): void {
    const ledBefore = this.#leader(span);
    span.counts.delete(worker);
    span.said.delete(worker);
    const ids = [...span.members.values()].flatMap(({ id, media }) =>
      media.publications.length > 0 ? [id] : [],
    );
    if (ids.length > 0) this.#send(worker, { type: 'sfu.unmirror', ids });
    if (ledBefore === worker) this.#tellOf(span);
  }

  #mirror({ id, worker: home, span, media, encodings }: Member, worker: number): void {
    if (home === worker || this.#dead.has(home) || media.publications.length === 0) return;
    this.#send(worker, { type: 'sfu.mirror', id, room: span.sid, home, media });
    for (const command of encodings.values()) this.#send(worker, command);
  }

  *#others({ span, worker }: Member): Iterable<number> {
    for (const other of span.counts.keys()) if (other !== worker) yield other;
  }

  #tellHeard({ sid: room, heard: publications }: Span, worker: number): void {
    this.#send(worker, { type: 'sfu.heard', room, publications });
  }

  #send(worker: number, command: SfuCommand | PipeCommand): void {
    if (!this.#dead.has(worker)) this.#parts.send(worker, command);
  }

  #leader({ counts }: Span): number | undefined {
    for (const worker of counts.keys()) if (!this.#dead.has(worker)) return worker;
    return undefined;
  }

  /** Somebody else leads from now on. */
  #tellOf(span: Span): void {
    const leader = this.#leader(span);
    if (leader === undefined) return;
    this.#send(leader, { type: 'sfu.heard', room: span.sid, publications: null });
    const said = span.said.get(leader);
    if (said === undefined) return;
    span.said.delete(leader);
    this.#parts.tell(leader, said);
  }
}

const NOTHING: MediaSetup = { sections: [], publications: [] };

function newSpan(sid: string): Span {
  return { sid, members: new Map(), counts: new Map(), said: new Map(), heard: [] };
}

/** What is sent to subscribers says nothing to other workers. */
function publishedOf({ sections, publications }: MediaSetup): MediaSetup {
  const mids = new Set(publications.map(({ mid }) => mid));
  return { sections: sections.filter(({ mid }) => mids.has(mid)), publications };
}
