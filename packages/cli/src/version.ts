import manifest from '@tidemill/cli/package.json' with { type: 'json' }

/** The version that `tidemill --version` prints. */
export const version: string = manifest.version
