import * as E from '#fp/Either'
import type { ContentName, ContentUnavailable, ReceivedContent } from '../../commands/content-store.ts'

/** Keeps a content that was received, and names it. */
export const keepIt = async ({
  keep,
  size,
  sha256,
}: ReceivedContent): Promise<E.Either<ContentUnavailable, ContentName>> => {
  const kept = await keep()
  return E.isLeft(kept) ? kept : E.right({ size, sha256 })
}
