// A call: everybody's camera, and two buttons.

import { type ReactNode, useEffect, useRef } from 'react';
import { createRoot } from 'react-dom/client';
import type { Participant, Publication } from 'sterna/sdk';
import { useRoom } from './use-room.tsx';

function Picture({ publication }: { publication: Publication }): ReactNode {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (element === null) return undefined;
    // The server sends no larger a picture than the element shows.
    publication.attach(element);
    return () => publication.detach(element);
  }, [publication]);
  return <video ref={video} autoPlay playsInline muted />;
}

function Sound({ participant }: { participant: Participant }): ReactNode {
  const audio = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    if (audio.current !== null) audio.current.srcObject = participant.stream;
  }, [participant]);
  return <audio ref={audio} autoPlay />;
}

function Tile({ participant }: { participant: Participant }): ReactNode {
  const pictures = participant.publications.filter(
    ({ source, track }) => track !== null && (source === 'camera' || source === 'screen'),
  );
  return (
    <figure>
      {pictures.map((publication) => (
        <Picture key={publication.sid} publication={publication} />
      ))}
      <Sound participant={participant} />
      <figcaption>{participant.name}</figcaption>
    </figure>
  );
}

export function Call({ url, token }: { url: string; token: () => Promise<string> }): ReactNode {
  const { room, state, participants, error } = useRoom(url, token);
  const { local } = room ?? {};
  return (
    <main>
      <p role="status">{error?.message ?? state}</p>
      <button disabled={!local} onClick={() => void local?.enableCamera(!local.cameraEnabled)}>
        Camera
      </button>
      <button
        disabled={!local}
        onClick={() => void local?.enableMicrophone(!local.microphoneEnabled)}
      >
        Microphone
      </button>
      {participants.map((participant) => (
        <Tile key={participant.sid} participant={participant} />
      ))}
    </main>
  );
}

async function askForToken(): Promise<string> {
  const answer = await fetch('/token', { method: 'POST' });
  return answer.text();
}

const place = document.getElementById('call');
if (place !== null) createRoot(place).render(<Call url={location.origin} token={askForToken} />);
