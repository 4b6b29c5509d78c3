import { type Fields, isFields, type ObjectCheck } from '../object-check.ts'
import {
  compilePattern,
  type HttpBackendRef,
  type HttpRouteFilter,
  type HttpValueMatch,
  type ObjectMeta,
  type ParentReference,
  type SessionPersistence,
} from '../router/index.ts'
import { filtersShape, sessionShape } from '../router/filter-validator.ts'
import { checkRuleNames, checkValues } from '../router/route-validator.ts'
import {
  backendRefFields,
  checkServicePort,
  hostnameShape,
  parentRefsShape,
  sectionShape,
} from './reference-shapes.ts'
import { listShape, objectShape, oneOfShape, type Shape } from './shape.ts'

/** GRPCRoute of gateway.networking.k8s.io/v1 (apis/v1/grpcroute_types.go). */
export interface GrpcRoute {
  readonly apiVersion: string
  readonly kind: 'GRPCRoute'
  readonly metadata: ObjectMeta
  readonly spec: {
    readonly parentRefs?: readonly ParentReference[]
    readonly hostnames?: readonly string[]
    readonly rules?: readonly GrpcRouteRule[]
  }
}

export interface GrpcRouteRule {
  readonly name?: string
  readonly matches?: readonly GrpcRouteMatch[]
  readonly filters?: readonly HttpRouteFilter[]
  readonly backendRefs?: readonly HttpBackendRef[]
  readonly sessionPersistence?: SessionPersistence
}

export interface GrpcRouteMatch {
  readonly method?: {
    /** Default Exact. */
    readonly type?: 'Exact' | 'RegularExpression'
    readonly service?: string
    readonly method?: string
  }
  readonly headers?: readonly HttpValueMatch[]
}

const grpcFilters = [
  'RequestHeaderModifier',
  'ResponseHeaderModifier',
  'RequestMirror',
  'ExtensionRef',
]
const serviceForm = /^\.?[a-z_][a-z_0-9]*(?:\.[a-z_][a-z_0-9]*)*$/iu
const methodForm = /^[A-Za-z_][A-Za-z_0-9]*$/u

const methodShape: Shape = objectShape(
  {
    type: oneOfShape('Exact', 'RegularExpression'),
    service: nameShape(serviceForm, 'a service such as package.Service'),
    method: nameShape(methodForm, 'a method name'),
  },
  (check, path, match) => {
    if (match['service'] === undefined && match['method'] === undefined) {
      check.wrong(path, match, 'an object with service, method or both')
    }
    for (const [name, form] of [
      ['service', serviceForm],
      ['method', methodForm],
    ] as const) {
      const value = match[name]
      if (typeof value !== 'string') continue
      if (match['type'] !== 'RegularExpression') {
        if (!form.test(value)) check.wrong(`${path}/${name}`, value, `a ${name} of gRPC`)
        continue
      }
      const { refused } = compilePattern(value)
      if (refused !== undefined) {
        check.wrong(`${path}/${name}`, value, `an expression that runs in linear time (${refused})`)
      }
    }
  },
)

function nameShape(_form: RegExp, expected: string): Shape {
  return (check, path, value) => check.text(path, value, 1024, undefined, expected)
}

const ruleShape = objectShape({
  name: sectionShape,
  matches: listShape(
    objectShape({
      method: methodShape,
      headers: (check, path, value) => checkValues(check, path, value, 4096),
    }),
    64,
  ),
  filters: filtersShape(grpcFilters),
  backendRefs: listShape(
    objectShape({ ...backendRefFields, filters: filtersShape(grpcFilters) }, checkServicePort),
    16,
  ),
  sessionPersistence: sessionShape,
})

export const grpcRouteShape: Shape = objectShape(
  {
    parentRefs: parentRefsShape,
    hostnames: listShape(hostnameShape, 16),
    rules: listShape(ruleShape, 16),
    useDefaultGateways: oneOfShape('All', 'None'),
  },
  checkRules,
)

function checkRules(check: ObjectCheck, path: string, spec: Fields): void {
  const rules: unknown[] = Array.isArray(spec['rules']) ? spec['rules'] : []
  checkRuleNames(check, `${path}/rules`, rules)
  let matches = 0
  for (const rule of rules) {
    if (isFields(rule) && Array.isArray(rule['matches'])) matches += rule['matches'].length
  }
  if (matches > 128) {
    check.wrong(`${path}/rules`, `${matches} matches`, 'at most 128 matches in all')
  }
}
