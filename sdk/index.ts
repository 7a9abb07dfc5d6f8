// The public face of the SDK: join() and what it gives. Everything else in this folder is internal.

export { join } from './join.ts';
export type { JoinOptions, TokenProvider, VideoOptions } from './join-options.ts';
export type { E2eeOptions, ParticipantEncryption, RoomEncryption } from './encryption.ts';
export { prepare } from './prepare.ts';
export { Room } from './room.ts';
export type { SendDataOptions } from './data-message.ts';
export type { DataDetail, RoomEvents, RoomState, StateDetail, TrackDetail } from './room-events.ts';
export { CAMERA_ATTRIBUTE, MICROPHONE_ATTRIBUTE, Participant } from './participant.ts';
export type { DeviceState } from './participant.ts';
export { LocalMedia } from './local-media.ts';
export type { PublishOptions } from './local-media.ts';
export type { LocalPublication } from './local-publication.ts';
export { Publication } from './publication.ts';
export type { Preference, Quality } from './publication.ts';
export { Moderation } from './moderation.ts';
export type { NetworkConditions, Simulation } from './simulate.ts';
export type { Wish } from './subscriptions.ts';
export type { Listener, ListenOptions } from './emitter.ts';
export { SternaClientError } from './errors.ts';
export type { ClientReason } from './errors.ts';
export type { CandidateType, ConnectionPath } from './connection-path.ts';
export type { LinkStats, ReceivedMedia, SentMedia, TrackStats } from './link-stats.ts';
export type { LinkPhase, LinkTimes, RoomPhase, TimelineSnapshot } from './timeline.ts';
export { RpcError } from './rpc.ts';
export type { Rpc, RpcHandler, RpcOptions, RpcRequest } from './rpc.ts';
export type { RpcPayload } from './rpc-message.ts';
export type { Finding, FindingCode, Severity } from './findings.ts';
