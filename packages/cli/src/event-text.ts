import type { EventDocument } from '@tidemill/platform/documents'

/** One event as a line: position, time, stream@version, type, data. */
export function eventText(event: EventDocument): string {
  const at = new Date(event.at).toISOString().slice(11, 23)
  const data = JSON.stringify(event.data)
  const short = data.length > 120 ? `${data.slice(0, 117)}...` : data
  return `${String(event.position).padStart(7)}  ${at}  ${event.stream}@${event.version}  ${event.type}  ${short}`
}
