import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { inTurns } from '../../../api/http/in-turns.ts'

const requestTo = (url: string): readonly [IncomingMessage, ServerResponse] => {
  const request = new IncomingMessage(new Socket())
  request.url = url
  return [request, new ServerResponse(request)]
}

const workMilliseconds = 5
const busy = (milliseconds: number): void => {
  for (const end = performance.now() + milliseconds; performance.now() < end; );
}

it('what arrives together is begun in its order, some of it in each turn of the event loop', async () => {
  const begun: string[] = []
  const { listener, waiting } = inTurns(
    ({ url = '' }) => {
      begun.push(url)
    },
    () => false,
  )
  const urls = Array.from({ length: 100 }, (_, i) => `/${i}`)
  for (const url of urls) listener(...requestTo(url))
  expect(begun.length).toBeLessThan(100)
  expect(begun.length + waiting()).toBe(100)
  while (waiting() > 0) await nextTurn()
  expect(begun).toEqual(urls)
})

it('the longer each takes, the fewer are begun in a turn', async () => {
  const { listener, waiting } = inTurns(
    () => busy(workMilliseconds),
    () => false,
  )
  for (let i = 0; i < 60; i += 1) listener(...requestTo('/'))
  const turns: number[] = []
  while (waiting() > 0) {
    const before = waiting()
    await nextTurn()
    turns.push(before - waiting())
  }
  expect(Math.min(...turns.slice(3))).toBeLessThanOrEqual(4)
})

it('what is urgent is begun at once', () => {
  const begun: string[] = []
  const { listener } = inTurns(
    ({ url = '' }) => {
      begun.push(url)
    },
    ({ url }) => url === '/livez',
  )
  for (let i = 0; i < 100; i += 1) listener(...requestTo('/'))
  expect(begun).not.toContain('/livez')
  listener(...requestTo('/livez'))
  expect(begun.at(-1)).toBe('/livez')
})

it('what its client has left meanwhile is not begun', async () => {
  let begun = 0
  const { listener, waiting } = inTurns(
    () => {
      begun += 1
    },
    () => false,
  )
  for (let i = 0; i < 16; i += 1) listener(...requestTo('/'))
  const [request, response] = requestTo('/')
  listener(request, response)
  expect(waiting()).toBe(1)
  request.destroy()
  while (waiting() > 0) await nextTurn()
  expect(begun).toBe(16)
})
