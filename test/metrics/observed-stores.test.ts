import { expect, it } from 'vitest'
import * as E from '#fp/Either'
import { unmeasured } from '../../metrics/metrics.ts'
import { observedLog, observedStore } from '../../metrics/observed-stores.ts'

const countingFailures = () => {
  const failures: string[] = []
  return { failures, storeFailed: (store: string) => failures.push(store) }
}

it('a store that cannot be used counts as one failure each time it is asked', async () => {
  const { failures, storeFailed } = countingFailures()
  const store = observedStore(
    { ask: async () => E.left({ _tag: 'ReadUnavailable', cause: 'gone' }) },
    'reads',
    { storeFailed },
  )
  expect(E.isLeft(await store.ask())).toBe(true)
  await store.ask()
  expect(failures).toEqual(['reads', 'reads'])
})

it('a store that throws counts, and what it threw reaches the caller', async () => {
  const { failures, storeFailed } = countingFailures()
  const thrown = new Error('a bug')
  const store = observedStore({ ask: () => Promise.reject(thrown) }, 'contents', { storeFailed })
  await expect(store.ask()).rejects.toBe(thrown)
  expect(failures).toEqual(['contents'])
})

it('answers, refusals by a rule, and what is no promise do not count', async () => {
  const { failures, storeFailed } = countingFailures()
  const store = observedStore(
    {
      found: async (id: string) => E.right(id),
      refused: async () => E.left({ _tag: 'RevisionConflict', actual: 3 }),
      version: 7,
      now: () => 42,
    },
    'reads',
    { storeFailed },
  )
  expect(await store.found('a')).toEqual(E.right('a'))
  expect(E.isLeft(await store.refused())).toBe(true)
  expect([store.version, store.now()]).toEqual([7, 42])
  expect(failures).toEqual([])
})

it('an append is counted by what came of it', async () => {
  const appends: string[] = []
  const answers = [
    E.right([]),
    E.left({ _tag: 'RevisionConflict' as const, actual: 1 }),
    E.left({ _tag: 'LogUnavailable' as const, cause: undefined }),
  ]
  const log = observedLog(
    {
      read: async () => E.right({ events: [], more: false }),
      last: async () => E.right(undefined),
      lastType: async () => E.right(undefined),
      append: async () => answers.shift() ?? E.right([]),
    },
    { ...unmeasured, appended: ({ outcome }) => appends.push(outcome) },
  )
  for (let i = 0; i < 3; i += 1) await log.append('s', 'no-stream', [])
  expect(appends).toEqual(['stored', 'conflict', 'failed'])
})
