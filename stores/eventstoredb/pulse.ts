/** Askers within this many milliseconds share one answer. */
const fresh = 300

/** Whether the server answers, asked once for all who want to know at about the same time. */
export const makePulse = (ask: () => Promise<boolean>): (() => Promise<boolean>) => {
  let asked: { readonly at: number; readonly answer: Promise<boolean> } | undefined
  return () => {
    if (asked === undefined || performance.now() - asked.at > fresh)
      asked = { at: performance.now(), answer: ask() }
    return asked.answer
  }
}
