/**
 * Header fields as `[name, value, name, value, ...]`: names in lower case, pseudo-headers first, every character a
 * byte (latin1). Flat, because a list of pairs costs an array a field.
 */
export type HeaderList = readonly string[]
