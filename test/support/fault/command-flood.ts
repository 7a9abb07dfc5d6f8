// Run as a process of its own: a thread with the Linux engine echoes datagrams while another posts it commands by the
// thousand. One line of JSON says what came of both. `command-flood COMMANDS`

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate as turnOfLoop } from 'node:timers/promises';
import {
  isMainThread,
  MessageChannel,
  type MessagePort,
  Worker,
  workerData,
} from 'node:worker_threads';
import { LinuxEngine } from '../../../shared/net/linux-engine.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import { Wake } from '../../../shared/net/wake.ts';

/** Echoes that may be under way: below what any socket buffer holds. */
const WINDOW = 32;

interface Command {
  readonly id: number;
}

/** `port` is where it listens, in the first answer only. */
interface Answer extends Command {
  readonly port: number;
}

if (isMainThread) await flood(Number(process.argv[2]));
else serve();

function serve(): void {
  const { port, wakeFd } = workerData as { port: MessagePort; wakeFd: number };
  const options = {
    now: () => performance.now(),
    onFault: (error: unknown) => {
      throw error;
    },
  };
  const engine = new LinuxEngine(options, wakeFd);
  const listener = engine.open(
    new TransportAddress().setV4(0x7f00_0001, 0),
    {
      onOpened: (_tag, local) => port.postMessage({ id: 0, port: local.port }),
      onDatagram: (_tag, from, bytes, offset, length) =>
        engine.send(listener, from, bytes, offset, length),
    },
    0,
  );
  const onCommand = ({ id }: Command): void => {
    if (id < 0) engine.stop();
    else port.postMessage({ id, port: 0 });
  };
  engine.run(port, onCommand);
}

async function flood(commands: number): Promise<void> {
  const wake = new Wake();
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { port: port2, wakeFd: wake.fd },
    transferList: [port2],
  });
  const exited = once(worker, 'exit');
  const [{ port }] = (await once(port1, 'message')) as [Answer];
  const client = createSocket('udp4').bind(0, '127.0.0.1');
  await once(client, 'listening');

  let sent = 0;
  let echoed = 0;
  let answered = 0;
  let inOrder = true;
  let echoedWhileAsked = 0;
  const send = (): void => {
    while (sent - echoed < WINDOW) client.send(String(sent++), port, '127.0.0.1');
  };
  client.on('message', (bytes) => {
    inOrder &&= Number(bytes.toString()) === echoed;
    echoed++;
    if (answered < commands) send();
  });
  port1.on('message', ({ id }: Answer) => {
    inOrder &&= id === ++answered;
    if (answered === 1) echoedWhileAsked = echoed;
    if (answered === commands) echoedWhileAsked = echoed - echoedWhileAsked;
  });

  const before = process.memoryUsage().rss;
  send();
  for (let id = 1; id <= commands; id++) port1.postMessage({ id });
  wake.wake();
  let most = 0;
  const done = (): boolean => answered === commands && echoed === sent;
  while (!done()) {
    most = Math.max(most, process.memoryUsage().rss);
    await turnOfLoop();
  }
  port1.postMessage({ id: -1 });
  wake.wake();
  const [code] = (await exited) as [number];
  client.close();
  port1.close();
  wake.close();
  globalThis.gc?.();
  const after = process.memoryUsage().rss;
  process.stdout.write(
    JSON.stringify({
      sent,
      echoed,
      answered,
      inOrder,
      echoedWhileAsked,
      code,
      before,
      most,
      after,
    }),
  );
}
