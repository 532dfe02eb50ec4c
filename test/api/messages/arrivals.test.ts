import { expect, it } from 'vitest'
import { arrivalsFor } from '../../../api/messages/inbox.ts'
import { arrivalEventTypes } from '../../../domain/messages.ts'
import { inbox } from '../../../projections/inbox.ts'
import { makeProgress } from '../../../projections/progress.ts'
import { makeSharedFollower } from '../../../projections/shared-follower.ts'
import { right } from '../../support/either.ts'
import { messageSent } from '../../support/events.ts'
import { openAll } from '../../support/projecting.ts'

it('whoever waits is told of a message when the inbox holds it, however late that is', async () => {
  const { log, feed } = await openAll()
  const progress = makeProgress([inbox.name])
  progress.moved(inbox.name, 0n)
  const ending = new AbortController()
  const arrivals = makeSharedFollower(feed, arrivalEventTypes)
  const told = arrivalsFor({ arrivals, progress }, 'lab', 0n, ending.signal)
  const next = async () => (await told.next()).value
  await right(log.append('message-m0', 'no-stream', [messageSent('m0', { to: ['clinic'] })]))
  expect(await next()).toBe(false)
  await right(log.append('message-m1', 'no-stream', [messageSent('m1', { to: ['clinic', 'lab'] })]))
  // A second has passed, and the read side is behind.
  expect(await next()).toBe(false)
  progress.moved(inbox.name, await right(feed.head()))
  expect(await next()).toBe(true)
  expect(await next()).toBe(false)
  ending.abort()
  expect(await told.next()).toEqual({ done: true, value: undefined })
})
