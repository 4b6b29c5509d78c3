import { type Fields, isFields } from '../object-check.ts'

const hidden = '***'
/** Fields whose values are secrets wherever they stand. */
const secretNames =
  /^(?:password|passphrase|secret|clientsecret|apikey|privatekey|token|k|d|p|q|dp|dq|qi)$/iu

/** The object without what nobody should see: the data of Secrets, and values of fields that hold keys. */
export function redactObject(object: unknown): unknown {
  if (!isFields(object)) return object
  if (object['kind'] !== 'Secret') return redactFields(object)
  return {
    ...object,
    ...hideValues(object, 'data'),
    ...hideValues(object, 'stringData'),
    metadata: redactSecretMetadata(object['metadata']),
  }
}

function hideValues(object: Fields, name: string): Fields {
  const data = object[name]
  if (data === undefined) return {}
  if (!isFields(data)) return { [name]: hidden }
  return { [name]: Object.fromEntries(Object.keys(data).map((key) => [key, hidden])) }
}

/** kubectl keeps the whole object, its data included, in an annotation. */
function redactSecretMetadata(metadata: unknown): unknown {
  if (!isFields(metadata) || metadata['annotations'] === undefined) return metadata
  return { ...metadata, ...hideValues(metadata, 'annotations') }
}

function redactFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redactFields)
  if (!isFields(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name,
      typeof field === 'string' && secretNames.test(name) ? hidden : redactFields(field),
    ]),
  )
}
