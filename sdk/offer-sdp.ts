// What is read from, and cut out of, descriptions of our own (RFC 8829 s5.2, s5.3).

/** The `mid` of each section, in their order, which is that of the transceivers: none is ever stopped. */
export function midsOf(sdp: string): string[] {
  return [...sdp.matchAll(/^a=mid:(\S+)/gm)].map(([, mid = '']) => mid);
}

/**
 * The server is lite and public: it learns our address from our checks (RFC 8445 s7.3.1.3), and need not know
 * the others.
 */
export function withoutCandidates(sdp: string): string {
  return sdp.replaceAll(/^a=(?:candidate:.*|end-of-candidates)\r?\n/gm, '');
}

/**
 * Firefox leaves the feedback (RFC 4585 s4.2) of codecs behind that `setCodecPreferences` took out of a section, and
 * Chromium refuses the whole description for it.
 */
export function withoutStrayFeedback(sdp: string): string {
  return sdp.replaceAll(/^m=.*(?:\r?\n(?!m=).*)*/gm, (section) => {
    const [line = ''] = section.split(/\r?\n/, 1);
    const formats = new Set(['*', ...line.split(' ').slice(3)]);
    return section.replaceAll(/^a=rtcp-fb:(\S+).*\r?\n/gm, (feedback, format: string) =>
      formats.has(format) ? feedback : '',
    );
  });
}
