import {
  type Configuration,
  listedConfiguration,
  type ManifestObject,
  type ObjectChange,
} from '@tidemill/gateway/admin'
import type { Flags } from './command.ts'
import { readBackendFlags } from './gateway-places.ts'

/**
 * The configuration that a gateway would have with these objects. Without `--backend` every Service that is named is
 * taken to exist, since a manifest rarely says where it is.
 */
export function offlineConfiguration(
  objects: readonly ManifestObject[],
  flags: Flags | undefined,
): Configuration {
  const configuration = listedConfiguration({})
  const given = readBackendFlags(flags?.strings('backend') ?? [])
  configuration.setBackends(Object.keys(given).length > 0 ? given : assumedBackends(objects))
  configuration.apply(changesOf(objects), 1, true)
  return configuration
}

export function changesOf(objects: readonly ManifestObject[]): ObjectChange[] {
  return objects.map(({ kind, key, object, file, line }) => ({
    kind,
    key,
    text: JSON.stringify(object),
    revision: 1,
    origin: `${file}:${line}`,
  }))
}

/** An address for every Service that something in the objects refers to. */
function assumedBackends(objects: readonly ManifestObject[]): Record<string, string[]> {
  const backends: Record<string, string[]> = {}
  for (const one of objects) {
    const namespace = one.key.includes('/') ? (one.key.split('/')[0] ?? '') : ''
    for (const ref of references(one.object)) {
      const { kind = 'Service', name, namespace: other = namespace } = ref
      if (kind === 'Service' && typeof name === 'string')
        backends[`${String(other)}/${name}`] = ['127.0.0.1:1']
    }
  }
  return backends
}

/** Every `backendRef` and every member of `backendRefs` in a value. */
function* references(value: unknown): Generator<Readonly<Record<string, unknown>>> {
  if (typeof value !== 'object' || value === null) return
  for (const [field, inner] of Object.entries(value)) {
    if (field === 'backendRef' || field === 'backendRefs') {
      for (const ref of [inner].flat() as unknown[]) {
        if (typeof ref === 'object' && ref !== null) yield ref as Readonly<Record<string, unknown>>
      }
    }
    yield* references(inner)
  }
}
