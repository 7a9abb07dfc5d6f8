// The fenced blocks of README.md, CONTRIBUTING.md, docs/, examples/ and deploy/, and what becomes of each: the test that
// runs it, or what it would need from outside. Called by: the tests that run them, and the house test that misses none.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readRootFile, ROOT } from '../house/source-files.ts';

export interface Block {
  readonly document: string;
  /** Of the fence's line, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

/** A group of blocks: those of a document in a language, or the ones of them that contain `part`. */
interface Account {
  readonly document: string;
  readonly language: string;
  readonly part?: string;
  /** The test file that runs them. */
  readonly by?: string;
  /** What is missing here to run them; doc-commands.test.ts checks their syntax. */
  readonly outside?: string;
}

const COMMANDS = 'test/integration/doc-commands.test.ts';
const GUIDES = 'test/e2e/guides-doc.test.ts';
const NEWCOMER = 'test/integration/newcomer.test.ts';
const EXAMPLES = 'test/e2e/examples.test.ts';
const WHIP = 'docs/whip.md';

const ACCOUNTS: readonly Account[] = [
  { document: 'README.md', language: 'sh', by: NEWCOMER },
  { document: 'CONTRIBUTING.md', language: 'sh', outside: 'hours: CI runs what is in it' },
  { document: 'docs/quick-start.md', language: 'sh', part: 'npm ci', by: NEWCOMER },
  { document: 'docs/quick-start.md', language: 'sh', part: 'token', by: NEWCOMER },
  { document: 'docs/quick-start.md', language: 'sh', part: 'sterna ', by: COMMANDS },
  { document: 'docs/quick-start.md', language: 'js', by: GUIDES },
  { document: 'docs/publish.md', language: 'js', by: GUIDES },
  { document: 'docs/subscribe.md', language: 'js', by: GUIDES },
  { document: 'docs/reconnection.md', language: 'js', by: GUIDES },
  { document: 'docs/black-video.md', language: 'js', by: GUIDES },
  { document: 'docs/black-video.md', language: 'sh', by: COMMANDS },
  { document: 'docs/tokens.md', language: 'sh', by: COMMANDS },
  { document: 'docs/tokens.md', language: 'js', by: COMMANDS },
  { document: 'docs/audit.md', language: 'sh', by: COMMANDS },
  { document: 'docs/configuration.md', language: 'sh', by: COMMANDS },
  { document: 'docs/http-api.md', language: 'sh', by: COMMANDS },
  { document: 'docs/operations.md', language: 'sh', by: COMMANDS },
  { document: 'docs/operations.md', language: 'nginx', outside: 'nginx and a certificate' },
  { document: 'docs/turn.md', language: 'sh', by: COMMANDS },
  { document: 'docs/bots.md', language: 'js', by: 'test/e2e/node-client.test.ts' },
  { document: 'docs/bots.md', language: 'sh', outside: 'a server elsewhere' },
  { document: 'docs/dashboard.md', language: 'sh', by: COMMANDS },
  { document: 'docs/e2ee.md', language: 'js', by: GUIDES },
  { document: 'docs/webhooks.md', language: 'js', by: COMMANDS },
  { document: 'docs/webhooks.md', language: 'python', outside: 'PyJWT' },
  { document: 'docs/deployment.md', language: 'sh', part: 'certbot', outside: 'a public name' },
  { document: 'docs/deployment.md', language: 'sh', part: 'HOOK', outside: 'root' },
  { document: 'docs/deployment.md', language: 'sh', part: 'docker', outside: 'a Docker daemon' },
  { document: 'docs/deployment.md', language: 'caddyfile', outside: 'Caddy and a public name' },
  { document: 'examples/compose/README.md', language: 'sh', outside: 'a Docker daemon' },
  { document: 'examples/bot/README.md', language: 'sh', by: EXAMPLES },
  { document: 'examples/page/README.md', language: 'sh', by: EXAMPLES },
  { document: 'examples/whip/README.md', language: 'sh', by: EXAMPLES },
  { document: 'deploy/kubernetes/README.md', language: 'sh', outside: 'a cluster' },
  { document: 'docs/protocol.md', language: 'sh', part: 'npm start', by: NEWCOMER },
  { document: 'docs/protocol.md', language: 'sh', part: 'curl', by: 'test/e2e/by-hand.test.ts' },
  { document: 'docs/protocol.md', language: 'sh', part: 'TOKEN', by: 'test/e2e/by-hand.test.ts' },
  { document: 'docs/sdk.md', language: 'js', by: 'test/e2e/sdk-doc.test.ts' },
  { document: 'docs/sdk.md', language: 'html', outside: 'a file of the reader’s' },
  { document: WHIP, language: 'sh', part: 'export TOKEN=', by: 'test/e2e/whip-doc.test.ts' },
  { document: WHIP, language: 'sh', part: 'curl', by: 'test/integration/whip-by-hand.test.ts' },
  { document: WHIP, language: 'sh', part: 'gst-peer.py', by: 'test/e2e/whip-doc.test.ts' },
  { document: WHIP, language: 'js', part: '/v1/whep/', by: 'test/e2e/whip-doc.test.ts' },
];

/** Paths from the root, with forward slashes. */
export function documents(): string[] {
  const found = ['docs', 'examples', 'deploy'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
      .map((name) => `${folder}/${name.replaceAll('\\', '/')}`),
  );
  return ['README.md', 'CONTRIBUTING.md', ...found.toSorted()];
}

export function blocksOf(document: string): Block[] {
  const blocks: Block[] = [];
  let open: { line: number; language: string; lines: string[] } | undefined;
  for (const [i, line] of readRootFile(document).split('\n').entries()) {
    const fence = /^\s*```(.*)$/.exec(line);
    if (fence === null) open?.lines.push(line);
    else if (open === undefined) open = { line: i + 1, language: fence[1]!.trim(), lines: [] };
    else {
      const { lines, ...rest } = open;
      blocks.push({ document, ...rest, text: `${lines.join('\n')}\n` });
      open = undefined;
    }
  }
  return blocks;
}

/** Those that the block belongs to; it should be one. */
export function accountsOf({ document, language, text }: Block): Account[] {
  return ACCOUNTS.filter(
    (account) =>
      account.document === document &&
      account.language === language &&
      (account.part === undefined || text.includes(account.part)),
  );
}

/** Every block that this test has to run, in the order of the documents. */
export function blocksFor(test: string): Block[] {
  return documents()
    .flatMap(blocksOf)
    .filter((block) => accountsOf(block)[0]?.by === test);
}

/** Every block that cannot be run here, and why not. */
export function outsideBlocks(): (Block & { readonly outside: string })[] {
  return documents()
    .flatMap(blocksOf)
    .flatMap((block) => {
      const { outside } = accountsOf(block)[0] ?? {};
      return outside === undefined ? [] : [{ ...block, outside }];
    });
}

/** Of accounts that no block belongs to. */
export function emptyAccounts(): Account[] {
  const used = new Set(documents().flatMap(blocksOf).flatMap(accountsOf));
  return ACCOUNTS.filter((account) => !used.has(account));
}
