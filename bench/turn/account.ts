// The one account that every server of the TURN bench knows.

export const REALM = 'example.org';
export const USERNAME = 'user';
export const PASSWORD = 'pass';
