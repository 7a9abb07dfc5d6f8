// Keys shared with authorization servers (RFC 7635 s4.1), as the configuration writes them: base64 text.
// Called by: the schema, the TURN options.

const LF = 0x0a;

/**
 * The 32 bytes of an A256GCM key or the 16 of an A128GCM key; undefined for any other text. The line feed that
 * `echo KEY | base64` puts at the end, as in coturn's examples, is not part of the key.
 */
export function parseTokenKey(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]{22,48}={0,2}$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) return undefined;
  const echoed = (bytes.length === 17 || bytes.length === 33) && bytes.at(-1) === LF;
  const key = echoed ? bytes.subarray(0, -1) : bytes;
  return key.length === 16 || key.length === 32 ? key : undefined;
}
