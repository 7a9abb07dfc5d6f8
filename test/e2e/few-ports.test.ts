// A meeting of three in real Chromium through the relay alone, where all allocations of a worker share one relay port:
// as many addresses as workers, and everybody sees everybody.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { MeetingPage } from '../support/e2e/meeting-page.ts';
import { Sterna } from '../support/e2e/sterna.ts';

const WORKERS = 2;

let browser: Chromium;
let sterna: Sterna;

beforeAll(async () => {
  const environment = {
    STERNA_WORKERS: `${WORKERS}`,
    STERNA_TURN_LISTENERS: 'udp://127.0.0.1:0',
    STERNA_TURN_RELAY_ADDRESSES: '127.0.0.1',
    STERNA_TURN_RELAY_PORTS_PER_WORKER: '1',
    STERNA_SFU_PORT: '0',
  };
  [browser, sterna] = await Promise.all([Chromium.launch(), Sterna.start({ environment })]);
});

afterAll(async () => {
  await browser?.close();
  await sterna?.stop();
});

test('three meet through shared relay ports, and each is seen by the others', async () => {
  const names = ['Ada', 'Bob', 'Cem'];
  const pages = await Promise.all(
    names.map((name) => MeetingPage.join(browser, sterna.url, { name, relay: true })),
  );
  await Promise.all(
    pages.map(async (page) => {
      const others = names.filter((name) => name !== page.name);
      await Promise.all(others.map((name) => page.seesMoving(name)));
    }),
  );
  const links = (await Promise.all(pages.map((page) => page.links()))).flat();
  expect(links).toHaveLength(names.length);
  // What the relayed address is to the client, it is to the SFU's answers as well: no candidate was learned anew.
  for (const link of links) {
    expect(link).toMatchObject({ state: 'connected', local: 'relay', remote: 'host' });
  }
  const created = await sterna.waitForEvents('allocation.created', names.length);
  const relayed = new Set(created.map((event) => event['relayed']));
  expect(relayed.size).toBeLessThanOrEqual(WORKERS);
  expect(links.map(({ localAddress }) => relayed.has(localAddress))).toEqual([true, true, true]);
  for (const page of pages) expect(page.problems).toEqual([]);
});
