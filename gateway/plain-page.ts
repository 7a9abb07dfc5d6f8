// Pages that the API itself has, of text and tables: one look, no script, and a policy that allows nothing else.
// Called by: the routes that have a page.

/** Without this they would have the policy of the API, which allows no style. */
const POLICY = "default-src 'none';style-src 'unsafe-inline';frame-ancestors 'none'";

export const PAGE_FIELDS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': POLICY,
};

const STYLE = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:64rem;margin:2rem auto;padding:0 1rem}
h2{font:600 1rem/1.5 ui-monospace,monospace;margin:2rem 0 .25rem;overflow-wrap:anywhere}
pre{overflow:auto;padding:.75rem;border:1px solid #8886;border-radius:.5rem;font-size:.85rem}
p{margin:.25rem 0}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .75rem;border-bottom:1px solid #8886;text-align:right}
th:first-child{text-align:left}`;

/** @param body HTML; @param refreshSeconds when it loads itself again; never when left out */
export function plainPage(title: string, body: string, refreshSeconds?: number): string {
  const refresh =
    refreshSeconds === undefined ? '' : `<meta http-equiv="refresh" content="${refreshSeconds}">`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8">${refresh}
<meta name="viewport" content="width=device-width, initial-scale=1"><title>${escaped(title)}</title>
<style>${STYLE}</style></head><body><h1>${escaped(title)}</h1>
${body}</body></html>
`;
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
