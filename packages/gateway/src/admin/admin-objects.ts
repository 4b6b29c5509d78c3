/** An object as its source has it. */
export interface AdminObject {
  readonly kind: string
  /** `namespace/name`; of kinds without a namespace the name alone. */
  readonly key: string
  /** JSON. */
  readonly text: string
  /** Of this version; the ETag of the object. */
  readonly revision: number
  /** `file:line` when it comes from a file, which is where it is changed. */
  readonly origin: string | undefined
}

export interface ObjectWrite {
  readonly kind: string
  readonly key: string
  /** JSON, found valid; undefined deletes. */
  readonly text: string | undefined
  /** Revision that it must have now: 0 for none at all, `any` for one that exists; undefined takes whatever is there. */
  readonly expect?: number | 'any'
}

/** Where objects that are written through the admin API are kept. */
export interface AdminObjects {
  list(): Promise<readonly AdminObject[]>
  get(kind: string, key: string): Promise<AdminObject | undefined>
  /**
   * Writes all or nothing; resolves with their one revision when they are stored. Rejects with
   * TM_GATEWAY_OBJECT_CHANGED when one is not at the revision that it must have, TM_GATEWAY_OBJECT_OF_FILE when one
   * belongs to a file.
   */
  write(writes: readonly ObjectWrite[]): Promise<number>
}
