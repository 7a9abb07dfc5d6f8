// Errors of the control plane. What a remote peer sends is never one: codecs return values, handlers return STUN
// errors.

/** A failure with a stable machine-readable code, for logs, the API and the CLI. */
export class SternaError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SternaError';
    this.code = code;
  }
}
