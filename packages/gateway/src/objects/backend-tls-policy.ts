import type { ObjectMeta } from '../router/index.ts'
import {
  groupShape,
  hostnameShape,
  kindShape,
  localRefShape,
  nameShape,
  preciseHostnameShape,
  sectionShape,
} from './reference-shapes.ts'
import {
  anyShape,
  checkUnique,
  listShape,
  mapShape,
  objectShape,
  oneOfShape,
  type Shape,
  textShape,
} from './shape.ts'

/** BackendTLSPolicy of gateway.networking.k8s.io/v1 (apis/v1/backendtlspolicy_types.go). */
export interface BackendTlsPolicyObject {
  readonly apiVersion: string
  readonly kind: 'BackendTLSPolicy'
  readonly metadata: ObjectMeta
  readonly spec: {
    readonly targetRefs: readonly {
      readonly group: string
      readonly kind: string
      readonly name: string
      /** Name of a port of the Service. */
      readonly sectionName?: string
    }[]
    readonly validation: {
      readonly caCertificateRefs?: readonly {
        readonly group: string
        readonly kind: string
        readonly name: string
      }[]
      readonly wellKnownCACertificates?: string
      readonly hostname: string
      readonly subjectAltNames?: readonly {
        readonly type: 'Hostname' | 'URI'
        readonly hostname?: string
        readonly uri?: string
      }[]
    }
    readonly options?: Readonly<Record<string, string>>
  }
}

const uri = /^[^:/?#]+:\/\/[^/?#]*[^?#]*(?:\?[^#]*)?(?:#.*)?/u
const wellKnown =
  /^(?:System|[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?\/(?:[A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])$/u

const altNameShape = objectShape(
  {
    'type!': oneOfShape('Hostname', 'URI'),
    hostname: hostnameShape,
    uri: textShape(253, uri, 'a URI'),
  },
  (check, path, name) => {
    const [wanted, other] = name['type'] === 'URI' ? ['uri', 'hostname'] : ['hostname', 'uri']
    if ((name[wanted] ?? '') === '') check.wrong(`${path}/${wanted}`, undefined, 'there')
    if ((name[other] ?? '') !== '') check.wrong(`${path}/${other}`, name[other], 'absent')
  },
)

export const backendTlsPolicyShape: Shape = objectShape(
  {
    'targetRefs!': listShape(
      objectShape({
        'group!': groupShape,
        'kind!': kindShape,
        'name!': nameShape,
        sectionName: sectionShape,
      }),
      16,
      1,
    ),
    'validation!': objectShape(
      {
        caCertificateRefs: listShape(localRefShape, 8),
        wellKnownCACertificates: textShape(253, wellKnown, 'System'),
        'hostname!': preciseHostnameShape,
        subjectAltNames: listShape(altNameShape, 5),
      },
      (check, path, fields) => {
        const refs = fields['caCertificateRefs']
        const has = Array.isArray(refs) && refs.length > 0
        const known = (fields['wellKnownCACertificates'] ?? '') !== ''
        if (has === known) {
          check.wrong(
            path,
            Object.keys(fields),
            'an object with either caCertificateRefs or wellKnownCACertificates',
          )
        }
      },
    ),
    options: mapShape(anyShape, 16),
  },
  (check, path, fields) =>
    checkUnique(
      check,
      `${path}/targetRefs`,
      fields['targetRefs'],
      (ref) => JSON.stringify([ref['group'], ref['kind'], ref['name'], ref['sectionName'] ?? '']),
      'a target that no other equals',
    ),
)
