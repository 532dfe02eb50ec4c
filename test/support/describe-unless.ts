import { describe } from 'vitest'

/** A suite that is skipped where something is missing; its name then says what. */
export const describeUnless = (missing: string | undefined, name: string, suite: () => void): void => {
  if (missing === undefined) describe(name, suite)
  else describe.skip(`${name} (skipped: ${missing})`, suite)
}
