import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DeliveryRecord, DeliveryStore, RecordKind } from '../../relay/delivery-store.ts'
import { left, right } from '../support/either.ts'

export type OpenDeliveries = () => Promise<{ deliveries: DeliveryStore; close: () => Promise<void> }>

const record = (kind: RecordKind, key: string, text = `"${kind} ${key}"`): DeliveryRecord => ({
  kind,
  key,
  text,
})
const progress = (text: string) => record('progress', '', text)
const dead = (number: number) => record('dead', String(number).padStart(20, '0'))
const sorted = (records: readonly DeliveryRecord[]) =>
  records.toSorted((a, b) => (`${a.kind} ${a.key}` < `${b.kind} ${b.key}` ? -1 : 1))

/** What every engine must do with what is kept of deliveries; `open` gives a store without any. */
export const deliveryStoreContract = (name: string, open: OpenDeliveries) => {
  describe(`the deliveries on ${name}`, () => {
    let store: Awaited<ReturnType<OpenDeliveries>>
    let deliveries: DeliveryStore
    beforeEach(async () => {
      store = await open()
      deliveries = store.deliveries
    })
    afterEach(() => store.close())

    const superseded = { _tag: 'Superseded' }
    const put = (token: number, ...records: readonly DeliveryRecord[]) =>
      deliveries.save('s', token, { put: records, remove: [] })
    const claimed = async (token: number, subscription = 's') =>
      sorted(await right(deliveries.claim(subscription, token)))

    it('are none at first', async () => {
      expect(await claimed(1)).toEqual([])
      expect(await right(deliveries.progressOf(['s', 'never']))).toEqual(new Map())
      expect(await right(deliveries.deadLetters('s', '', 10))).toEqual([])
      expect([...(await right(deliveries.countDeadLetters(['s'])))]).toEqual([['s', 0]])
    })

    it('are given to whoever takes a subscription over: its progress and what fails, but no dead letters', async () => {
      await claimed(1)
      const kept = [record('failing', 'person-A'), record('failing', 'person-B'), progress('"3"')]
      await right(put(1, ...kept, dead(1)))
      expect(await claimed(1)).toEqual(kept)
      expect(await claimed(2)).toEqual(kept)
    })

    it('are kept by subscription, whatever keys are alike', async () => {
      await claimed(1)
      await right(deliveries.claim('t', 1))
      await right(put(1, record('failing', 'k', '"s"'), progress('"s"'), dead(1)))
      await right(deliveries.save('t', 1, { put: [record('failing', 'k', '"t"')], remove: [] }))
      await right(deliveries.save('t', 1, { put: [], remove: [{ kind: 'dead', key: dead(1).key }] }))
      expect(await claimed(1)).toEqual([record('failing', 'k', '"s"'), progress('"s"')])
      expect(await claimed(1, 't')).toEqual([record('failing', 'k', '"t"')])
      expect(await right(deliveries.deadLetters('s', '', 10))).toEqual([dead(1)])
      expect(await right(deliveries.progressOf(['t', 's']))).toEqual(new Map([['s', '"s"']]))
    })

    it('are replaced and taken away, and it changes nothing to say so twice', async () => {
      await claimed(1)
      const first = { put: [record('failing', 'a'), record('failing', 'b'), progress('"1"')], remove: [] }
      const second = {
        put: [record('failing', 'b', '"anew"'), progress('"2"')],
        remove: [{ kind: 'failing' as const, key: 'a' }],
      }
      for (const changes of [first, first, second, second]) await right(deliveries.save('s', 1, changes))
      expect(await claimed(1)).toEqual([record('failing', 'b', '"anew"'), progress('"2"')])
    })

    it('make a dead letter a failing one again, and back', async () => {
      await claimed(1)
      await right(put(1, dead(7)))
      const failing = record('failing', 'person-A 3')
      await right(deliveries.save('s', 1, { put: [failing], remove: [{ kind: 'dead', key: dead(7).key }] }))
      expect(await claimed(1)).toEqual([failing])
      expect(await right(deliveries.deadLetters('s', '', 10))).toEqual([])
      await right(deliveries.save('s', 1, { put: [dead(7)], remove: [failing] }))
      expect(await claimed(1)).toEqual([])
      expect(await right(deliveries.deadLetters('s', '', 10))).toEqual([dead(7)])
    })

    it('show a progress as soon as it is saved, of those that have one', async () => {
      await claimed(1)
      await right(put(1, progress('"1"')))
      expect(await right(deliveries.progressOf(['s', 'never']))).toEqual(new Map([['s', '"1"']]))
      await right(put(1, progress('"2"')))
      expect(await right(deliveries.progressOf(['s']))).toEqual(new Map([['s', '"2"']]))
    })

    it('are saved by nobody who has not taken the subscription over', async () => {
      expect(await left(put(1, progress('"1"')))).toEqual(superseded)
      await claimed(2)
      expect(await left(put(3, progress('"1"')))).toEqual(superseded)
      expect(await claimed(2)).toEqual([])
    })

    it('fence out an earlier holder, also of what it has written before', async () => {
      await claimed(1)
      const kept = [record('failing', 'a'), progress('"1"')]
      await right(put(1, ...kept, dead(1)))
      expect(await claimed(2)).toEqual(kept)
      const late = {
        put: [record('failing', 'a', '"late"'), record('failing', 'new'), progress('"9"'), dead(2)],
        remove: [{ kind: 'dead' as const, key: dead(1).key }],
      }
      expect(await left(deliveries.save('s', 1, late))).toEqual(superseded)
      expect(await left(deliveries.claim('s', 1))).toEqual(superseded)
      expect(await claimed(2)).toEqual(kept)
      expect(await right(deliveries.deadLetters('s', '', 10))).toEqual([dead(1)])
      await right(put(2, progress('"2"')))
      expect(await right(deliveries.progressOf(['s']))).toEqual(new Map([['s', '"2"']]))
    })

    it('are one holder’s alone where several take a subscription over at the same time', async () => {
      const tokens = Array.from({ length: 10 }, (_, n) => n + 1)
      await Promise.all(tokens.map(token => deliveries.claim('s', token)))
      const saves = await Promise.all(tokens.map(token => put(token, progress(`"${token}"`))))
      expect(saves.map(({ _tag }) => _tag)).toEqual([...Array(9).fill('Left'), 'Right'])
      expect(await claimed(10)).toEqual([progress('"10"')])
    })

    it('never show a new holder a progress without what was to be written before it', async () => {
      const keys = Array.from({ length: 8 }, (_, n) => `stream-${n}`)
      const save = (token: number, n: number) =>
        put(token, ...keys.map(key => record('failing', key, String(n))), progress(String(n)))
      for (let token = 1; token <= 12; token += 1) {
        const before = await claimed(token)
        const reachedBefore = Number(before.find(({ kind }) => kind === 'progress')?.text ?? 0)
        await right(save(token, reachedBefore + 1))
        let isOver = false
        const saving = async () => {
          for (let n = reachedBefore + 2; !isOver; n += 1) if ((await save(token, n))._tag === 'Left') return
        }
        const under = saving()
        const seen = await claimed(token + 1)
        isOver = true
        await under
        const reached = Number(seen.find(({ kind }) => kind === 'progress')?.text)
        for (const { kind, key, text } of seen)
          if (kind === 'failing') expect(Number(text), key).toBeGreaterThanOrEqual(reached)
        expect(await claimed(token + 1)).toEqual(seen)
      }
    })

    it('list dead letters in the order of their keys, in pages, and count them', async () => {
      await claimed(1)
      const numbers = [12, 3, 100, 7, 1, 55]
      await right(put(1, ...numbers.map(dead), progress('"1"'), record('failing', 'a')))
      const first = await right(deliveries.deadLetters('s', '', 4))
      expect(first).toEqual([1, 3, 7, 12].map(dead))
      expect(await right(deliveries.deadLetters('s', first.at(-1)?.key ?? '', 4))).toEqual(
        [55, 100].map(dead),
      )
      expect(await right(deliveries.deadLetters('s', dead(100).key, 4))).toEqual([])
      const counts = await right(deliveries.countDeadLetters(['s', 'never']))
      expect([...counts]).toEqual([
        ['s', 6],
        ['never', 0],
      ])
    })

    it('are forgotten with the subscription, who holds it or not; others are not', async () => {
      await claimed(5)
      await right(deliveries.claim('t', 1))
      await right(put(5, progress('"1"'), record('failing', 'a'), dead(1)))
      await right(deliveries.save('t', 1, { put: [progress('"t"')], remove: [] }))
      for (let n = 0; n < 2; n += 1) await right(deliveries.forget('s'))
      expect(await left(put(5, progress('"2"')))).toEqual(superseded)
      expect(await right(deliveries.progressOf(['s', 't']))).toEqual(new Map([['t', '"t"']]))
      expect(await right(deliveries.deadLetters('s', '', 10))).toEqual([])
      expect(await claimed(1)).toEqual([])
    })
  })
}
