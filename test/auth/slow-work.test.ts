import { describe, expect, it } from 'vitest'
import { loginLane, rehashingLane, settingLane } from '../../auth/lanes.ts'
import { type Lane, makeSlowWork } from '../../auth/slow-work.ts'
import { left } from '../support/either.ts'

/** One place for slow work, taken until `release`; what is done after that, in order. */
const occupied = () => {
  const slowly = makeSlowWork(1)
  const done: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const running = [slowly([{ name: 'first', places: 0 }], () => promise)]
  return {
    wait: (lane: Lane, name: string) => {
      running.push(slowly(lane, async () => void done.push(name)))
    },
    refusal: (lane: Lane) => left(slowly(lane, async () => undefined)),
    release: async () => {
      resolve()
      const results = await Promise.all(running)
      expect(results.filter(({ _tag }) => _tag === 'Left')).toEqual([])
      return done
    },
  }
}
const busy = { _tag: 'Busy' }
const root = { kind: 'person', id: 'ANA' } as const
const times = (count: number, work: (i: number) => void) => Array.from({ length: count }, (_, i) => work(i))

describe('slow work', () => {
  it('is done at once where a place is free, and when it fails the place is free again', async () => {
    const slowly = makeSlowWork(1)
    await expect(
      slowly(rehashingLane, async () => {
        throw new Error('it fails')
      }),
    ).rejects.toThrow('it fails')
    expect(await slowly([{ name: 'none', places: 0 }], async () => 'done')).toMatchObject({ right: 'done' })
  })

  it('of one lane is done in the order in which it came', async () => {
    const { wait, release } = occupied()
    for (const name of ['a', 'b', 'c']) wait(loginLane('192.0.2.1'), name)
    expect(await release()).toEqual(['a', 'b', 'c'])
  })

  it('of another address does not wait for all that one address has waiting', async () => {
    const { wait, release } = occupied()
    times(4, i => wait(loginLane('192.0.2.1'), `first-${i}`))
    times(2, i => wait(loginLane('192.0.2.2'), `second-${i}`))
    wait(loginLane('192.0.2.3'), 'newcomer')
    expect(await release()).toEqual([
      'first-0',
      'second-0',
      'newcomer',
      'first-1',
      'second-1',
      'first-2',
      'first-3',
    ])
  })

  it('of an IPv6 /48 has one turn among the addresses, and its /64s share it', async () => {
    const { wait, release } = occupied()
    times(2, i => wait(loginLane('2001:db8:1:1::1'), `one-${i}`))
    times(2, i => wait(loginLane(`2001:db8:1:2::${i + 1}`), `two-${i}`))
    times(2, i => wait(loginLane('192.0.2.1'), `other-${i}`))
    expect(await release()).toEqual(['one-0', 'other-0', 'two-0', 'other-1', 'one-1', 'two-1'])
  })

  it('waits in eight places of an address or a /64', async () => {
    for (const address of ['192.0.2.1', '2001:db8:1:1::1']) {
      const { wait, refusal, release } = occupied()
      times(8, i => wait(loginLane(address), `${i}`))
      expect(await refusal(loginLane(address))).toEqual(busy)
      wait(loginLane('192.0.2.2'), 'another address')
      wait(loginLane('2001:db8:1:2::1'), 'another network')
      expect(await release()).toHaveLength(10)
    }
  })

  it('waits in sixteen places of a /48', async () => {
    const { wait, refusal, release } = occupied()
    times(16, i => wait(loginLane(`2001:db8:1:${i}::1`), `${i}`))
    expect(await refusal(loginLane('2001:db8:1:ffff::1'))).toEqual(busy)
    wait(loginLane('2001:db8:2:1::1'), 'another /48')
    expect(await release()).toHaveLength(17)
  })

  it('is refused where 200 logins wait, and has a place again when one is done', async () => {
    const { wait, refusal, release } = occupied()
    times(200, i => wait(loginLane(`192.0.2.${i}`), `${i}`))
    expect(await refusal(loginLane('198.51.100.1'))).toEqual(busy)
    expect(await release()).toHaveLength(200)
    wait(loginLane('198.51.100.1'), 'later')
    expect(await release()).toHaveLength(201)
  })

  it('of setting passwords has places that logins cannot take: 32, of one caller eight', async () => {
    const { wait, refusal, release } = occupied()
    times(200, i => wait(loginLane(`192.0.2.${i}`), 'login'))
    times(8, () => wait(settingLane(root), 'root'))
    expect(await refusal(settingLane(root))).toEqual(busy)
    times(24, i => wait(settingLane({ kind: 'node', id: `node-${i}` }), 'node'))
    expect(await refusal(settingLane({ kind: 'node', id: 'another' }))).toEqual(busy)
    expect((await release()).slice(0, 4)).toEqual(['login', 'root', 'login', 'node'])
  })
})
