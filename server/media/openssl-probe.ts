// Why there can be no DTLS in this process, if so. Called by: the media host, the doctor.

/** Undefined where OpenSSL can be called. */
export async function whyNoOpenssl(): Promise<string | undefined> {
  try {
    // Loaded here, since not every system has what it is made of.
    const { probeOpenssl } = await import('../../shared/native/openssl.ts');
    const probe = probeOpenssl();
    return probe.usable ? undefined : probe.reason;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
