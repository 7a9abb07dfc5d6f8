// The engine of a media worker, and its way to the other workers of the process.

import type { Arena } from '../../shared/native/arena.ts';
import type { EngineLoop, EngineOptions } from '../../shared/net/engine.ts';
import { PortableEngine } from '../../shared/net/portable-engine.ts';
import { type Forward, HandOver } from '../../shared/net/hand-over.ts';
import type { Mailroom } from '../../shared/net/mailroom.ts';
import type { TransportAddress } from '../../shared/net/transport-address.ts';
import type { Neighbours, TurnServer } from '../../turn/index.ts';
import type { LinuxWorkerData } from './messages.ts';

/** Datagrams of other workers taken in one turn of the loop, so that they cannot starve the sockets. */
const MAIL_PER_TURN = 1024;

/** And packets of rooms that other workers share: each may go to many. */
const PIPED_PER_TURN = 512;

/** The longest datagram there is fits. */
const CLAIM_BYTES = 65_536;

export interface WorkerEngine {
  readonly engine: EngineLoop;
  readonly neighbours: Neighbours | undefined;
  /** Where this worker and the others answer themselves. */
  readonly handOver: HandOver;
  /** Names the server that takes what the neighbours send. */
  readonly serve: (server: TurnServer) => void;
  /** Undefined where this is the only worker. */
  readonly mailroom: Mailroom | undefined;
  /** Names the SFU that takes what other workers pipe. */
  readonly forward: (sfu: PipeReceiver) => void;
}

export interface PipeReceiver {
  onPiped(worker: number, bytes: Uint8Array, offset: number, length: number, now: number): void;
}

/** It is the only worker there is. @param claims whether somebody writes datagrams in place, which takes memory outside the heap */
export async function portableWorkerEngine(
  options: EngineOptions,
  claims: boolean,
): Promise<WorkerEngine> {
  const outgoing = claims ? await newArena(CLAIM_BYTES) : undefined;
  const engine = new PortableEngine(outgoing === undefined ? options : { ...options, outgoing });
  const handOver = new HandOver(HandOver.memory(1), 0, () => false);
  return {
    engine,
    neighbours: undefined,
    handOver,
    serve: () => undefined,
    mailroom: undefined,
    forward: () => undefined,
  };
}

async function newArena(bytes: number): Promise<Arena> {
  const arena = await import('../../shared/native/arena.ts');
  return new arena.Arena(bytes);
}

/** Takes over this worker's listeners, and pins its thread where that is asked for. */
export async function linuxWorkerEngine(
  data: LinuxWorkerData,
  index: number,
  options: EngineOptions,
): Promise<WorkerEngine> {
  const { LinuxEngine } = await import('../../shared/net/linux-engine.ts');
  const { DescriptorLedger } = await import('../../shared/net/descriptor-ledger.ts');
  const { Mailroom } = await import('../../shared/net/mailroom.ts');
  const { wake } = await import('../../shared/net/wake.ts');
  const { pinThread } = await import('../../shared/native/affinity.ts');
  if (data.cpus.length > 0) pinThread(...data.cpus);
  const { wakeFds, mail, descriptors } = data;
  const wakeOther = (worker: number): void => wake(wakeFds[worker] ?? -1);
  const room = new Mailroom(mail, index, wakeOther, (error) => {
    // What it was about to send may not have been written.
    engine.unclaim();
    options.onFault(error);
  });
  const forward: Forward = (worker, from, to, bytes, offset, length) =>
    room.send(worker, from, to, bytes, offset, length);
  const handOver = new HandOver(data.handOver, index, forward);
  let server: TurnServer | undefined;
  let sfu: PipeReceiver | undefined;
  let now = 0;
  const handler = {
    onMail(
      from: TransportAddress,
      to: TransportAddress,
      bytes: Uint8Array,
      offset: number,
      length: number,
    ): void {
      if (handOver.take(from, to, bytes, offset, length, now)) return;
      server?.fromNeighbour(from, to, bytes, offset, length, now);
    },
    onPiped(worker: number, bytes: Uint8Array, offset: number, length: number): void {
      sfu?.onPiped(worker, bytes, offset, length, now);
    },
  };
  const engine = new LinuxEngine(
    {
      ...options,
      ledger: new DescriptorLedger(descriptors, index),
      mail: {
        rest: () => room.rest(),
        deliver: (at) => {
          now = at;
          room.deliver(handler, MAIL_PER_TURN);
          room.deliverPiped(handler, PIPED_PER_TURN);
        },
        flush: () => room.flush(),
      },
    },
    wakeFds[index] ?? -1,
  );
  return {
    engine,
    neighbours: { forward },
    handOver,
    serve: (served) => {
      server = served;
    },
    mailroom: room,
    forward: (forwarding) => {
      sfu = forwarding;
    },
  };
}
