import type { CommandContext } from '../../commands/handle.ts'
import type { Core } from '../../core.ts'
import type { Original } from './original.ts'

/** With what rows are taken: `items` decides about them, and writes them unless this is a dry run. */
export interface Taker {
  readonly core: Core
  readonly items: Pick<Core, 'acceptItem' | 'policy'>
  readonly dry: boolean
  readonly original: Pick<Original, 'documentOf'>
  readonly by: CommandContext
}
