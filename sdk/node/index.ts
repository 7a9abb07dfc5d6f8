// The public face of the Node client, `sterna/node`: join() and what it gives. Everything else in this folder is
// internal.

export { join } from './join.ts';
export type { JoinOptions } from './join-options.ts';
export { Room } from './room.ts';
export type { RoomEvents, TrackDetail } from './room-events.ts';
export { Participant, Publication } from './participant.ts';
export { LocalTrack } from './local-track.ts';
export type { LocalTrackEvents, PublishOptions, SendingStats, SendOptions } from './local-track.ts';
export { RemoteTrack } from './remote-track.ts';
export type { ReceptionStats, RemoteTrackEvents, RtpPacket } from './remote-track.ts';
export type { CodecName } from './codecs.ts';
export type { MediaState } from './media.ts';
export type { PlayOptions } from './player.ts';
export { openMedia, readMedia } from './files/open-media.ts';
export type { OpenOptions } from './files/open-media.ts';
export { MediaFileError } from './files/media-file.ts';
export type { Frame, MediaFile } from './files/media-file.ts';
export { packetizerOf } from './payloads/packetizer.ts';
export type { Packetizer } from './payloads/packetizer.ts';
export { SternaClientError } from '../errors.ts';
export type { ClientReason } from '../errors.ts';
export type { TokenProvider } from '../join-options.ts';
export type { SendDataOptions } from '../data-message.ts';
export type { DataDetail, RoomState, StateDetail } from '../room-events.ts';
export type { Wish } from '../subscriptions.ts';
export type { Listener, ListenOptions } from '../emitter.ts';
