// Serves the page, and gets it tokens: who may join is decided here, by your own service.
// Usage: SERVER=http://127.0.0.1:7880 BEARER=... node examples/page/server.mjs

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

const { SERVER = 'http://127.0.0.1:7880', BEARER, PORT = '8080' } = process.env;

const routes = {
  'GET /': async () => ['text/html', await readFile(new URL('index.html', import.meta.url))],
  'POST /token': async () => {
    const answer = await fetch(`${SERVER}/v1/tokens`, {
      method: 'POST',
      headers: { authorization: `Bearer ${BEARER}`, 'content-type': 'application/json' },
      body: JSON.stringify({ room: 'demo', identity: randomUUID(), ttlSeconds: 60 }),
    });
    if (!answer.ok) throw new Error(`${SERVER} answers ${answer.status}: ${await answer.text()}`);
    const { token } = await answer.json();
    return ['application/json', JSON.stringify({ server: SERVER, token })];
  },
};

/** The SDK and its parts, from the server that they are for: no bundler and no CDN. */
async function sdk(path) {
  const answer = await fetch(`${SERVER}${path}`);
  return ['text/javascript', await answer.text()];
}

const server = createServer(async ({ method, url }, response) => {
  try {
    const route = /^\/sterna[\w-]*\.js$/.test(url) ? () => sdk(url) : routes[`${method} ${url}`];
    const [type, body] = (await route?.()) ?? [];
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': type ?? 'text/plain' });
    response.end(body);
  } catch (error) {
    console.error(error);
    response.writeHead(502).end();
  }
});
server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
