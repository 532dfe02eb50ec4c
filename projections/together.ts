/** A part of work: it ends with its signal, and `end` ends all parts. */
export type Part = (signal: AbortSignal, end: () => void) => Promise<void>

/** Runs parts beside each other until all have ended, or fails with one that failed: a failure ends the others, too. */
export const together = async (signal: AbortSignal, parts: readonly Part[]): Promise<void> => {
  const controller = new AbortController()
  const end = () => controller.abort()
  signal.addEventListener('abort', end)
  try {
    if (signal.aborted) end()
    const run = async (part: Part) => {
      try {
        await part(controller.signal, end)
      } catch (error) {
        end()
        throw error
      }
    }
    const ends = await Promise.allSettled(parts.map(run))
    const failed = ends.find(settled => settled.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  } finally {
    signal.removeEventListener('abort', end)
  }
}
