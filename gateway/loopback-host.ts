// Whether a request asks for this machine by a loopback name: a rebound DNS name is none, and neither is the public
// name that a proxy passes on.
// Called by: the routes that need no credentials.

export function isLoopbackHost(host: string | undefined): host is string {
  return host !== undefined && /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/.test(host);
}
