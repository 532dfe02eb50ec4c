/** Work that is done once for all who ask, and again only where it failed. */
export const once = (work: () => Promise<unknown>): (() => Promise<void>) => {
  let done: Promise<unknown> | undefined
  return async () => {
    done ??= work()
    try {
      await done
    } catch (error) {
      done = undefined
      throw error
    }
  }
}
