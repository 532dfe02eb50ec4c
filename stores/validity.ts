import type { ModelShape, Validity } from '../projections/read-store.ts'

/** The fields of a model of versions; throws for a model of anything else. */
export const validityOf = ({ name, validity }: ModelShape): Validity => {
  if (validity === undefined) throw new Error(`the read model ${name} has no versions`)
  return validity
}
