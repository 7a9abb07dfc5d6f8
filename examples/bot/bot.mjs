// A bot in a meeting: answers the chat, and counts what it hears. SERVER and TOKEN say where it joins.

import { join } from 'sterna/node';

const { SERVER = 'http://127.0.0.1:7880', TOKEN } = process.env;
const room = await join(SERVER, { token: TOKEN });
console.log(`in ${room.info.name} as ${room.self.identity}`);

let packets = 0;
room.on('trackAdded', ({ participant, publication, track }) => {
  console.log(`receives ${publication.source} of ${participant.identity}`);
  track.on('packet', () => packets++);
});
room.on('data', async ({ from, topic, payload }) => {
  if (topic !== 'chat') return;
  const text = new TextDecoder().decode(payload);
  if (text === '!count') {
    await room.sendData(`${packets} packets so far`, { topic: 'chat', to: [from] });
  }
});
room.on('closed', ({ error }) => console.log(`over: ${error?.reason ?? 'left'}`));
process.once('SIGINT', () => room.leave());
