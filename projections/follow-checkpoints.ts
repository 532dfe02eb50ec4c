import * as E from '#fp/Either'
import type { Progress } from './progress.ts'
import type { ModelShape, ReadModels } from './read-store.ts'

/** Until the signal: tells `progress` how far read models have come that another process feeds. */
export const followCheckpoints = async (
  reads: Pick<ReadModels, 'checkpoint'>,
  models: readonly ModelShape[],
  progress: Progress,
  signal: AbortSignal,
): Promise<void> => {
  while (!signal.aborted && models.length > 0) {
    for (const model of models) {
      const checkpoint = await reads.checkpoint(model)
      if (E.isLeft(checkpoint)) progress.away(model.name)
      else progress.moved(model.name, checkpoint.right.position)
    }
    await progress.untilWorthALook(signal)
  }
}
