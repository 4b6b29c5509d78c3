/** Thrown when the platform refuses; carries the problem document's words. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number

  constructor(status: number, detail: string) {
    super(detail)
    this.status = status
  }
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await fetch(path, signal === undefined ? {} : { signal })
  const body = (await response.json()) as { readonly data?: T; readonly detail?: string }
  if (!response.ok || body.data === undefined) {
    throw new ApiError(response.status, body.detail ?? response.statusText)
  }
  return body.data
}
