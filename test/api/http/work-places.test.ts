import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { makeWorkPlaces } from '../../../api/http/work-places.ts'

const patient = { total: 3, share: 2, patience: 60_000 }

/** What has been given a place, in its order. */
const waitingFor = (places: ReturnType<typeof makeWorkPlaces>) => {
  const order: string[] = []
  return {
    order,
    take: (caller: string, name = caller) =>
      places.take(caller).then(refused => order.push(refused === undefined ? name : refused._tag)),
  }
}

describe('places at work', () => {
  it('are given at once while there are some', async () => {
    const places = makeWorkPlaces(patient)
    expect(await places.take('ana')).toBeUndefined()
    expect([places.taken(), places.waiting(), places.leftOf('ana'), places.leftOf('bea')]).toEqual([
      1, 0, 1, 2,
    ])
  })

  it('are refused to a caller that has its share, and given to others', async () => {
    const places = makeWorkPlaces({ ...patient, patience: 0 })
    for (const caller of ['ana', 'ana']) await places.take(caller)
    expect(await places.take('ana')).toEqual({ _tag: 'CallerBusy' })
    expect(await places.take('bea')).toBeUndefined()
  })

  it('are refused to everybody when all are taken', async () => {
    const places = makeWorkPlaces({ ...patient, patience: 0 })
    for (const caller of ['ana', 'ana', 'bea']) await places.take(caller)
    expect(await places.take('eva')).toEqual({ _tag: 'Busy' })
    expect([places.taken(), places.waiting()]).toEqual([3, 0])
  })

  it('are waited for, by callers in turn, and of each in the order in which they came', async () => {
    const places = makeWorkPlaces({ ...patient, total: 1 })
    await places.take('ana')
    const { order, take } = waitingFor(places)
    const all = [
      take('ana', 'a1'),
      take('ana', 'a2'),
      take('bea', 'b1'),
      take('ana', 'a3'),
      take('bea', 'b2'),
    ]
    for (const caller of ['ana', 'ana', 'bea', 'ana', 'bea', 'ana']) {
      places.leave(caller)
      await nextTurn()
    }
    await Promise.all(all)
    expect(order).toEqual(['a1', 'b1', 'a2', 'b2', 'a3'])
    expect([places.taken(), places.waiting()]).toEqual([0, 0])
  })

  it('that one caller waits for hold up nobody else', async () => {
    const places = makeWorkPlaces(patient)
    for (const caller of ['ana', 'ana']) await places.take(caller)
    const { order, take } = waitingFor(places)
    const waiting = take('ana', 'a3')
    await take('bea')
    expect(order).toEqual(['bea'])
    places.leave('ana')
    await waiting
    expect(order).toEqual(['bea', 'a3'])
  })

  it('are given to no more than there are, however much comes at once', async () => {
    const places = makeWorkPlaces({ total: 5, share: 5, patience: 60_000 })
    let most = 0
    const work = async (caller: string) => {
      await places.take(caller)
      most = Math.max(most, places.taken())
      await nextTurn()
      places.leave(caller)
    }
    await Promise.all(Array.from({ length: 500 }, (_, i) => work(`caller ${i % 7}`)))
    expect([most, places.taken(), places.waiting()]).toEqual([5, 0, 0])
  })
})
