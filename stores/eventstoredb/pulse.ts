/** An answer serves all who ask while it is awaited, and this many milliseconds longer. */
const fresh = 300

/** Whether the server answers, asked once for all who want to know at about the same time. */
export const makePulse = (ask: () => Promise<boolean>): (() => Promise<boolean>) => {
  let answer: Promise<boolean> | undefined
  let answeredAt: number | undefined

  const askOnce = async (): Promise<boolean> => {
    answeredAt = undefined
    const answers = await ask()
    answeredAt = performance.now()
    return answers
  }

  return () => {
    const isFresh = answeredAt === undefined || performance.now() - answeredAt <= fresh
    if (answer === undefined || !isFresh) answer = askOnce()
    return answer
  }
}
