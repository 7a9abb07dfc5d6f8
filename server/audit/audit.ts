// Who did what to the server and its rooms: the one thing that other parts say to the audit log.
// Called by: the APIs, the reload, the observer of rooms, the server's start and stop.

import type { VerifiedToken } from '../../signaling/index.ts';

export type Actor =
  | { readonly type: 'server' }
  /** Such as SIGHUP. */
  | { readonly type: 'signal'; readonly name: string }
  /** A watched file that has changed, by its key. */
  | { readonly type: 'file'; readonly name: string }
  /** Whoever has a token: the name of the API key, who it says it is for, and its id. */
  | {
      readonly type: 'token';
      readonly key: string;
      readonly identity: string;
      readonly id: string;
    }
  | { readonly type: 'participant'; readonly sid: string; readonly identity: string };

export type AuditTarget = Readonly<Record<string, unknown>>;

export interface Audit {
  /**
   * Never throws and does not wait. `outcome` is `ok` or the reason why not. Texts of outsiders may be handed over as
   * they are; secrets and tokens may not be handed over at all.
   */
  record(actor: Actor, action: string, target: AuditTarget, outcome: string): void;
}

export const noAudit: Audit = { record: () => undefined };

export function tokenActor({ key, identity, id }: VerifiedToken): Actor {
  return { type: 'token', key, identity, id };
}

/** In one word, for the log. */
export function nameOfActor(actor: Actor): string {
  if (actor.type === 'token') return 'http';
  return actor.type === 'signal' || actor.type === 'file' ? actor.name : actor.type;
}

/** Does it and records what came of it; `reason` of what it throws becomes the outcome. */
export async function audited<Result>(
  audit: Audit,
  what: { readonly actor: Actor; readonly action: string; readonly target: AuditTarget },
  run: () => Result | Promise<Result>,
): Promise<Result> {
  const { actor, action, target } = what;
  try {
    const result = await run();
    audit.record(actor, action, target, 'ok');
    return result;
  } catch (error) {
    audit.record(actor, action, target, reasonOf(error));
    throw error;
  }
}

function reasonOf(error: unknown): string {
  for (const name of ['reason', 'code'] as const) {
    const reason: unknown =
      typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined;
    if (typeof reason === 'string') return reason;
  }
  return 'failed';
}
