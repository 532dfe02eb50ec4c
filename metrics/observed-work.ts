import * as E from '#fp/Either'
import type { Guesses } from '../auth/guesses.ts'
import type { SlowWork } from '../auth/slow-work.ts'
import type { SendWebhook } from '../relay/send-webhook.ts'
import type { Metrics } from './metrics.ts'

/** The same, with what waits and what runs counted. */
export const observedSlowWork =
  (slowly: SlowWork, { slowHash }: Pick<Metrics, 'slowHash'>): SlowWork =>
  async (lane, work) => {
    const hash = slowHash()
    try {
      return await slowly(lane, () => {
        hash.begins()
        return work()
      })
    } finally {
      hash.ends()
    }
  }

/** The same, with attempts counted that were wrong, or refused unseen. The accounts of nodes hold a colon. */
export const observedGuesses = ({ begin }: Guesses, { guessed }: Pick<Metrics, 'guessed'>): Guesses => ({
  begin: async (attempt, what) => {
    const kind = attempt.account.includes(':') ? 'node' : 'person'
    const begun = await begin(attempt, what)
    if (E.isLeft(begun)) {
      if (begun.left._tag === 'TooManyAttempts') guessed(kind, 'refused')
      return begun
    }
    return E.right(async isGivenBack => {
      if (!isGivenBack) guessed(kind, 'wrong')
      await begun.right(isGivenBack)
    })
  },
})

/** The same, with what came of each counted and timed. */
export const observedSend =
  (send: SendWebhook, { delivered }: Pick<Metrics, 'delivered'>): SendWebhook =>
  async (...webhook) => {
    const start = performance.now()
    const outcome = await send(...webhook)
    delivered({
      outcome:
        outcome.is !== 'answered'
          ? 'failed'
          : outcome.status >= 200 && outcome.status < 300
            ? 'taken'
            : 'refused',
      seconds: (performance.now() - start) / 1000,
    })
    return outcome
  }
