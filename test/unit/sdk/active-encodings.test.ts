import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ActiveEncodings } from '../../../sdk/active-encodings.ts';

/** As a browser has it: one change at a time, by the parameters that were read last. */
class Sender {
  encodings: RTCRtpEncodingParameters[];
  changes: string[] = [];
  refusals = 0;
  #isBusy = false;

  constructor(...rids: (string | undefined)[]) {
    this.encodings = rids.map((rid) =>
      Object.assign({ active: true }, rid === undefined ? {} : { rid }),
    );
  }

  getParameters(): RTCRtpSendParameters {
    const encodings = this.encodings.map((one) => ({ ...one }));
    return { encodings, transactionId: '', codecs: [], headerExtensions: [], rtcp: {} };
  }

  async setParameters({ encodings }: RTCRtpSendParameters): Promise<void> {
    if (this.#isBusy) throw new Error('two at once');
    if (this.refusals > 0) {
      this.refusals -= 1;
      throw new Error('InvalidStateError');
    }
    this.#isBusy = true;
    await new Promise((resolve) => setTimeout(resolve, 10));
    this.#isBusy = false;
    this.encodings = encodings;
    this.changes.push(encodings.map(({ active }) => (active === true ? '+' : '-')).join(''));
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('what nobody wants is left out, one change after the other, the newest last', async () => {
  const sender = new Sender('q', 'h', 'f');
  const active = new ActiveEncodings(sender);
  const first = active.set({ q: true, h: true, f: false });
  void active.set({ q: false, h: false, f: false });
  void active.set({ q: true });
  await vi.runAllTimersAsync();
  await first;
  expect(sender.changes).toEqual(['++-', '+++']);
  await active.set({ q: true, h: true, f: true });
  expect(sender.changes).toHaveLength(2);
});

test('one without a name goes by an empty one', async () => {
  const sender = new Sender(undefined);
  void new ActiveEncodings(sender).set({ '': false });
  await vi.runAllTimersAsync();
  expect(sender.changes).toEqual(['-']);
});

test('a browser that refuses is asked again a few times, and the next wish counts again', async () => {
  const sender = new Sender('q', 'f');
  const active = new ActiveEncodings(sender);
  sender.refusals = 2;
  void active.set({ q: true, f: false });
  await vi.runAllTimersAsync();
  expect(sender.changes).toEqual(['+-']);
  sender.refusals = 100;
  void active.set({ q: false, f: false });
  await vi.runAllTimersAsync();
  expect(sender.refusals).toBe(96);
  sender.refusals = 0;
  void active.set({ q: true, f: true });
  await vi.runAllTimersAsync();
  expect(sender.changes).toEqual(['+-', '++']);
});
