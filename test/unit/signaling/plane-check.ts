// What a media worker may rely on, checked over the commands that it was sent.

import assert from 'node:assert/strict';
import type { MediaSetup, SfuCommand, SlotBinding } from '../../../sfu/control.ts';

interface OpenTransport {
  readonly room: string;
  media: MediaSetup;
}

/** After the server has stopped: all was well, and nothing is left. */
export function assertPlane(commands: readonly SfuCommand[]): void {
  assert.deepEqual(planeProblems(commands), []);
  const count = (type: SfuCommand['type']): number =>
    commands.filter((command) => command.type === type).length;
  assert.equal(count('sfu.close'), count('sfu.open'));
}

/** Every command that names what is not there, or numbers that are taken; empty when all is well. */
export function planeProblems(commands: readonly SfuCommand[]): string[] {
  const problems: string[] = [];
  const transports = new Map<number, OpenTransport>();
  const used = new Set<number>();
  const publishers = new Map<number, number>();
  const say = (what: string, command: SfuCommand): void => {
    problems.push(`${what}: ${JSON.stringify(command)}`);
  };

  function setMedia(id: number, transport: OpenTransport, command: SfuCommand): void {
    const { sections, publications } = transport.media;
    const receiving = sections.filter(({ direction }) => /^(?:recvonly|sendrecv)$/.test(direction));
    const mids = new Set(receiving.map(({ mid }) => mid));
    for (const [publication, owner] of publishers) if (owner === id) publishers.delete(publication);
    for (const { publication, mid } of publications) {
      if (!mids.has(mid)) say('a publication of a section that receives nothing', command);
      if (publishers.has(publication)) say('a publication of two transports', command);
      publishers.set(publication, id);
    }
    const ssrcs = sections
      .flatMap(({ outgoing, streams }) => [outgoing?.ssrc, outgoing?.rtxSsrc, streams[0]?.ssrc])
      .filter((ssrc) => ssrc !== undefined);
    if (new Set(ssrcs).size < ssrcs.length || ssrcs.includes(0)) say('an SSRC twice', command);
  }

  function checkSlots(id: number, slots: readonly SlotBinding[], command: SfuCommand): void {
    const transport = transports.get(id)!;
    for (const { mid, publication } of slots) {
      const section = transport.media.sections.find((one) => one.mid === mid);
      if (section?.outgoing === undefined) say(`no slot ${mid}`, command);
      if (publication === 0) continue;
      const owner = publishers.get(publication);
      if (owner === undefined) say(`no publication ${publication}`, command);
      if (owner === id) say('one is shown itself', command);
      if (owner !== undefined && transports.get(owner)?.room !== transport.room) {
        say('another room', command);
      }
    }
  }

  for (const command of commands) {
    switch (command.type) {
      case 'sfu.open': {
        if (used.has(command.id)) say('a number twice', command);
        used.add(command.id);
        const transport = { room: command.room, media: command.media };
        transports.set(command.id, transport);
        setMedia(command.id, transport, command);
        checkSlots(command.id, command.slots, command);
        break;
      }
      case 'sfu.change': {
        const transport = transports.get(command.id);
        if (transport === undefined) say('no transport', command);
        else {
          transport.media = command.media;
          setMedia(command.id, transport, command);
        }
        break;
      }
      case 'sfu.bind':
        if (transports.has(command.id)) checkSlots(command.id, command.slots, command);
        else say('no transport', command);
        break;
      case 'sfu.impair':
        if (!transports.has(command.id)) say('no transport', command);
        break;
      case 'sfu.mute':
      case 'sfu.encodings':
        if (!publishers.has(command.publication)) say('no publication', command);
        break;
      case 'sfu.close':
        if (!transports.delete(command.id)) say('no transport', command);
        for (const [publication, owner] of publishers) {
          if (owner === command.id) publishers.delete(publication);
        }
        break;
      case 'sfu.report':
        break;
    }
  }
  return problems;
}
