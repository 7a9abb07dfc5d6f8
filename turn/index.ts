// The TURN server as the rest of the process sees it.

export { CHANNEL_NUMBER_MAX, LEGACY_CHANNEL_NUMBER_MAX } from './allocation.ts';
export { mintRestCredential } from './credentials.ts';
export type { AllocationEvent, AllocationEnd, TurnObserver, TurnOptions } from './options.ts';
export { type ListenResult, TurnServer, type TurnStats } from './turn-server.ts';
