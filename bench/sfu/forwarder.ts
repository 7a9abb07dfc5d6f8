// The plain rival of the SFU bench: every RTP packet of a publisher's track is handed to every subscriber's track, the
// obvious way to write an SFU with node-datachannel. WHIP in (RFC 9725), WHEP out, at the paths that Sterna has.
// Arguments: port, address, and of how many packets one is lost, to check the load's loss meter; none without.
// Runs until it is killed.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { RtcpReceivingSession } from 'node-datachannel';
import { Peer, type Track } from './peer.ts';
import { isRtcp } from '../../sdk/node/rtcp.ts';
import { wantsKeyFrame } from './rtcp.ts';
import { type Kind, KINDS } from './shapes.ts';

/** A publisher's track and whom it goes to. */
interface Source {
  readonly track: Track;
  readonly ssrc: number;
  readonly mid: string;
  readonly outputs: Set<Track>;
}

const [port, address = '127.0.0.1', dropEvery = '0'] = process.argv.slice(2);
const lostOf = Number(dropEvery);

/** Of each room's participants. */
const published = new Map<string, Map<Kind, Source>>();
const peers = new Map<string, Peer>();
let peerCount = 0;
/** Counted only where some are lost. */
let sent = 0;

async function publish(name: string, offer: string): Promise<[string, string]> {
  const sources = new Map<Kind, Source>();
  const id = String(peerCount++);
  const peer = new Peer(id, address, {
    onTrack: (track) => {
      const kind = KINDS.find((known) => known === track.type());
      if (kind === undefined) return;
      const outputs = new Set<Track>();
      const mid = track.mid();
      sources.set(kind, { track, ssrc: ssrcOf(offer, mid), mid, outputs });
      // Sends receiver reports, takes sender reports, and asks for key frames.
      track.setMediaHandler(new RtcpReceivingSession());
      track.onMessage((packet) => forward(packet, outputs));
    },
    onClosed: () => void published.delete(name),
  });
  peers.set(id, peer);
  peer.take(offer);
  published.set(name, sources);
  return [id, await peer.answer()];
}

/** The one thing that happens for every packet. */
function forward(packet: Buffer, outputs: Set<Track>): void {
  for (const track of outputs) {
    if (lostOf > 0 && ++sent % lostOf === 0) continue;
    track.sendMessageBinary(packet);
  }
}

async function subscribe(name: string, offer: string): Promise<[string, string] | undefined> {
  const sources = published.get(name);
  if (sources === undefined) return undefined;
  const id = String(peerCount++);
  const peer = new Peer(id, address);
  peers.set(id, peer);
  for (const [kind, mid] of sectionsOf(offer)) {
    const source = sources.get(kind);
    if (source === undefined) continue;
    const track = peer.addSender(kind, source.ssrc, mid);
    track.onOpen(() => {
      source.outputs.add(track);
      if (kind === 'video') source.track.requestKeyframe();
    });
    track.onClosed(() => source.outputs.delete(track));
    track.onMessage((packet) => {
      if (isRtcp(packet) && wantsKeyFrame(packet)) source.track.requestKeyframe();
    });
  }
  peer.take(offer);
  return [id, await peer.answer()];
}

function sectionsOf(sdp: string): [kind: Kind, mid: string][] {
  return sdp.split(/^m=/m).flatMap((section): [Kind, string][] => {
    const kind = KINDS.find((known) => section.startsWith(`${known} `));
    const mid = /^a=mid:(.*?)\r?$/m.exec(section)?.[1];
    return kind === undefined || mid === undefined ? [] : [[kind, mid]];
  });
}

function ssrcOf(sdp: string, mid: string): number {
  const section = sdp.split(/^m=/m).find((part) => part.includes(`a=mid:${mid}\r\n`)) ?? '';
  return Number(/^a=ssrc:(\d+) /m.exec(section)?.[1]);
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const [, , resource = '', room = ''] = url.pathname.split('/');
  const identity = url.searchParams.get('participant') ?? identityOf(request);
  const name = `${room} ${identity}`;
  if (request.method === 'DELETE') {
    peers.get(room)?.close();
    peers.delete(room);
    response.writeHead(200).end();
  } else if (request.method === 'POST' && (resource === 'whip' || resource === 'whep')) {
    const offer = await text(request);
    const made = await (resource === 'whip' ? publish(name, offer) : subscribe(name, offer));
    if (made === undefined) response.writeHead(404).end();
    else {
      const [id, answer] = made;
      const location = `/v1/peers/${id}`;
      response.writeHead(201, { 'content-type': 'application/sdp', location }).end(answer);
    }
  } else response.writeHead(404).end();
}

/** Nobody is kept out here: the bearer is the name. */
function identityOf(request: IncomingMessage): string {
  return request.headers.authorization?.replace('Bearer ', '') ?? '';
}

createServer((request, response) => {
  serve(request, response).catch((error: unknown) => {
    response.writeHead(500).end(String(error));
  });
}).listen(Number(port), '127.0.0.1');
