// A React hook that joins a room for as long as a component is there, and renders again when something in it changes.
// Called by: call.tsx.

import { useEffect, useState } from 'react';
import {
  join,
  type JoinOptions,
  type Participant,
  type Room,
  type SternaClientError,
} from 'sterna/sdk';

export interface RoomView {
  /** Null until the server has let us in. */
  room: Room | null;
  state: Room['state'];
  /** The others, in the order of their coming. */
  participants: readonly Participant[];
  /** Why it is over, or why the join failed; null after leaving. */
  error: SternaClientError | Error | null;
}

const START: RoomView = { room: null, state: 'connecting', participants: [], error: null };

/**
 * @param tokenProvider asked for the join, and when a lost session cannot be resumed; the room is joined anew when it is
 * another function, so keep it (useCallback)
 */
export function useRoom(
  url: string,
  tokenProvider: NonNullable<JoinOptions['tokenProvider']>,
): RoomView {
  const [view, setView] = useState<RoomView>(START);

  useEffect(() => {
    // Ends the join, or leaves the room: in strict mode React does that once by itself.
    const stay = new AbortController();
    const { signal } = stay;
    setView(START);

    const follow = (room: Room): void => {
      const update = (): void =>
        setView((before) => ({
          ...before,
          room,
          state: room.state,
          // Participants are live objects; the new array tells React.
          participants: [...room.participants.values()],
        }));
      update();
      for (const event of [
        'participantJoined',
        'participantLeft',
        'participantUpdated',
        'trackAdded',
        'trackRemoved',
        'trackReplaced',
        'state',
      ] as const) {
        room.on(event, update, { signal });
      }
      room.on('closed', ({ error }) => setView({ ...START, state: 'closed', error }), { signal });
    };

    join(url, { tokenProvider, signal }).then(follow, (error: Error) => {
      if (!signal.aborted) setView({ ...START, state: 'closed', error });
    });
    return () => stay.abort();
  }, [url, tokenProvider]);

  return view;
}
