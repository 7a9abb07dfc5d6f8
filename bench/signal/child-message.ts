// What a measured process tells its parent over the IPC channel.

import type { ChildProcess } from 'node:child_process';

/** The next message of that type; rejects when the process ends instead. */
export function message<Message extends { type: string }>(
  child: ChildProcess,
  type: Message['type'],
): Promise<Message> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the measured process ended with ${code}`)));
    child.on('message', (value: Message) => {
      if (value.type === type) resolve(value);
    });
  });
}
