// What who leads a meeting does to others, from the list of people: mute, change what they may, put them out. The
// server refuses everybody else.

import type { Participant, Room } from '../sdk/index.ts';
import { askIn, confirmDeed } from './confirm.ts';
import { byId } from './dom.ts';
import { shownName } from './shown-text.ts';
import { problemText } from './state-text.ts';
import { toast } from './toasts.ts';

async function tell(deed: Promise<void>, done: string): Promise<void> {
  try {
    await deed;
    toast(done);
  } catch (error) {
    toast(problemText(error));
  }
}

export async function mute(room: Room, participant: Participant): Promise<void> {
  const microphone = participant.publications.find(({ source }) => source === 'microphone');
  await tell(
    room.moderation.mute(participant, microphone),
    `${shownName(participant)} is muted, and can unmute again`,
  );
}

export async function putOut(room: Room, participant: Participant): Promise<void> {
  const name = shownName(participant);
  const isMeant = await confirmDeed({
    title: `Remove ${name}?`,
    text: 'They leave the meeting at once, and cannot come back with the same invitation.',
    deed: 'Remove',
  });
  if (isMeant) await tell(room.moderation.kick(participant), `${name} was removed`);
}

export async function changePermissions(room: Room, participant: Participant): Promise<void> {
  const { canPublish, canSubscribe, canPublishData } = participant.permissions;
  const name = shownName(participant);
  const boxes = {
    canPublish: byId('may-publish', HTMLInputElement),
    canSubscribe: byId('may-subscribe', HTMLInputElement),
    canPublishData: byId('may-write', HTMLInputElement),
  };
  boxes.canPublish.checked = canPublish;
  boxes.canSubscribe.checked = canSubscribe;
  boxes.canPublishData.checked = canPublishData;
  byId('permissions-title', HTMLElement).textContent = `What ${name} may do`;
  if ((await askIn(byId('permissions', HTMLDialogElement))) !== 'yes') return;
  const wanted = {
    canPublish: boxes.canPublish.checked,
    canSubscribe: boxes.canSubscribe.checked,
    canPublishData: boxes.canPublishData.checked,
  };
  await tell(room.moderation.permit(participant, wanted), `Changed for ${name}`);
}
