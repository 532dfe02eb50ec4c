import type { Method } from '../../auth/access-table.ts'
import type { Operation } from '../description/operation.ts'

/** A path, and what is answered there. */
export interface Route {
  /** An Express path; the log names it instead of the request's, and `accessTable` says who may. */
  readonly path: string
  readonly operations: Partial<Readonly<Record<Method, Operation>>>
  /** What the parameters of the path are, in words, with an example. */
  readonly parameters?: Readonly<Record<string, PathParameter>>
}

export interface PathParameter {
  readonly rule: string
  readonly example: string
}
