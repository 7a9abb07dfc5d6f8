// What the SDK tells the server about itself; a test keeps the version equal to the package's.

export const SDK_NAME = 'sterna-js';
export const SDK_VERSION = '0.1.0';
