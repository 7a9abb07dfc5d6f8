// Installing permissions (RFC 8656 s9), for CreatePermission and ChannelBind alike: first judged, then installed.

import type { TransportAddress } from '../shared/net/transport-address.ts';
import {
  ERROR_FORBIDDEN,
  ERROR_INSUFFICIENT_CAPACITY,
  ERROR_PEER_ADDRESS_FAMILY_MISMATCH,
} from '../shared/stun/registry.ts';
import type { Allocation, Permission } from './allocation.ts';
import type { TurnState } from './turn-state.ts';

/** Why a peer may have no permission on this allocation: an error code, or 0 if it may. */
export function judgePeer(
  state: TurnState,
  allocation: Allocation,
  peer: TransportAddress,
): number {
  if (allocation.relayFor(peer) === undefined) return ERROR_PEER_ADDRESS_FAMILY_MISMATCH;
  return state.policy.judge(peer) === 'denied' ? ERROR_FORBIDDEN : 0;
}

/** 508 if that many new permissions would be too many, else 0. Expired ones make room first. */
export function checkRoom(
  state: TurnState,
  allocation: Allocation,
  added: number,
  now: number,
): number {
  const max = state.options.perAllocation.permissions;
  if (allocation.permissions.size + added <= max) return 0;
  allocation.makeRoom(now);
  return allocation.permissions.size + added <= max ? 0 : ERROR_INSUFFICIENT_CAPACITY;
}

/** Installs or refreshes; the peer was judged before. */
export function install(
  state: TurnState,
  allocation: Allocation,
  peer: TransportAddress,
  now: number,
): Permission {
  const expiresAt = now + state.options.lifetimes.permission;
  const seat = allocation.relayFor(peer)?.seat;
  allocation.endsAt(expiresAt);
  const known = allocation.permissions.get(peer);
  if (known !== undefined) {
    seat?.permit(known, now);
    known.expiresAt = expiresAt;
    return known;
  }
  const permission: Permission = {
    peer: peer.copy(),
    expiresAt,
    insideOnly: state.policy.judge(peer) === 'inside-only',
    relayHost: state.pool.hostOf(peer),
  };
  allocation.permissions.set(permission.peer, permission);
  seat?.permit(permission, now);
  return permission;
}
