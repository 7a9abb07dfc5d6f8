// What the server entry and the commands use of signaling.

export { AddressCounts } from './address-counts.ts';
export type { AddressCount } from './address-counts.ts';
export { SIGNAL_PATH, SUBPROTOCOL } from './codes.ts';
export type { Guest } from './guests.ts';
export type { SignalingLimits } from './limits.ts';
export type { MediaLost, MediaPlace, MediaPlane, MediaShortage } from './media-plane.ts';
export type { IceServer } from './protocol.ts';
export { refusal } from './refusal.ts';
export type { Refusal } from './refusal.ts';
export type { JoinRequest, Passage, RoomRouter, Route } from './room-router.ts';
export type { ModerationEvent, RoomEvent, RoomObserver } from './room-events.ts';
export { describe as describeRoom } from './room-commands.ts';
export type { RoomAnswer, RoomAnswers, RoomCommand } from './room-commands.ts';
export type { StatsFailure } from './room-stats.ts';
export type { CreateRoomOptions } from './rooms.ts';
export type { IceConfig } from './service.ts';
export type { SignalSocket, Wire } from './signal-socket.ts';
export { SignalingServer } from './signaling-server.ts';
export type { SignalingOptions, SignalingStats } from './signaling-server.ts';
export { mintToken, signBody, TokenVerifier } from './tokens.ts';
export type { MintOptions } from './tokens.ts';
export type { WhipEndpoint } from './whip/whip-endpoint.ts';
export type { WhipRefusal } from './whip/whip-refusal.ts';
