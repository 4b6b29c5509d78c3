import type { ObjectCheck } from '../object-check.ts'

/** Checks `spec.targetRefs` of a policy: 1 to 16 local references (policy_types.go, LocalPolicyTargetReferenceWithSectionName). */
export function checkPolicyTargets(
  check: ObjectCheck,
  value: unknown,
  groups: readonly string[],
  kinds: readonly string[],
): void {
  if (!Array.isArray(value) || value.length === 0) {
    check.wrong('/spec/targetRefs', value, 'a list of 1 to 16 targets')
    return
  }
  check.list('/spec/targetRefs', value, 16, (path, item) => {
    const target = check.object(path, item)
    if (target === undefined) return
    check.known(path, target, ['group', 'kind', 'name', 'sectionName'])
    check.oneOf(`${path}/group`, target['group'], groups)
    check.oneOf(`${path}/kind`, target['kind'], kinds)
    check.text(`${path}/name`, target['name'], 253)
    const section = target['sectionName']
    if (section !== undefined) check.text(`${path}/sectionName`, section, 253)
  })
}
