import type { FeedBatch } from './event-feed.ts'

/**
 * A batch cut behind each of these positions, which are in order; nothing behind the last of them. A batch without events up
 * to there has no pieces.
 */
export const piecesOf = (batch: FeedBatch, stops: readonly bigint[]): readonly FeedBatch[] => {
  const pieces: FeedBatch[] = []
  let rest = batch.events
  for (const stop of stops) {
    if (rest.length === 0) break
    const end = rest.findIndex(({ position }) => position > stop)
    const events = end < 0 ? rest : rest.slice(0, end)
    const isAll = end < 0
    rest = isAll ? [] : rest.slice(end)
    const next = isAll ? batch.next : (events.at(-1)?.position ?? stop)
    if (events.length > 0) pieces.push({ events, next, caughtUp: isAll && batch.caughtUp })
  }
  return pieces
}
