import { registerHooks } from 'node:module'

/** The condition under which packages export their sources. */
const condition = '@tidemill/source'

/**
 * Lets what is imported afterwards find the packages' sources, as `--conditions=@tidemill/source` does, so that a
 * program can be run by `node FILE` in a checkout that was never built.
 */
export function useSources(): void {
  registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier, { ...context, conditions: [condition, ...(context.conditions ?? [])] }),
  })
}
