import { describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import { keysOfCollection } from '../../api/http/key-claims.ts'
import type { Failure } from '../../api/http/problem.ts'
import { memoryAuthStore } from '../../stores/memory/auth-store.ts'
import { right } from '../support/either.ts'

const context = {
  actor: { kind: 'person', id: 'ANA' },
  requestId: 'r',
  commandId: 'the command',
  fingerprint: 'of the request',
} as const
const added = { state: undefined, added: true, before: -1, revision: 0, position: 1n }

/** Two processes with one store of claims, and the streams in which the command has added events. */
const twoProcesses = () => {
  const claims = memoryAuthStore()
  const handled = new Set<string>()
  const wasHandled = async (stream: string) => E.right(handled.has(stream))
  let at = 1_000_000
  const process = () => keysOfCollection({ claims, wasHandled }, () => at)
  const [one, other] = [process(), process()]
  type Process = typeof one
  return {
    one,
    other,
    claimed: () => right(claims.claimed(context.commandId)),
    claim: (value: string) => right(claims.claim(context.commandId, value)),
    later: (milliseconds: number) => {
      at += milliseconds
    },
    /** A command that appends to a stream, after `before`. */
    append: (process: Process, stream: string, before: () => Promise<unknown> = async () => undefined) =>
      process(stream, context, async claim => {
        const mine = await claim?.()
        if (mine !== undefined && E.isLeft(mine)) return mine
        await before()
        handled.add(stream)
        return E.right(added)
      }),
    /** A command that claims its key and then fails. */
    fail: (process: Process, stream: string, failure: Failure) =>
      process(stream, context, async claim => {
        await claim?.()
        return E.left(failure)
      }),
  }
}

const busy = E.left({ _tag: 'Busy' })
const usedElsewhere = E.left({ _tag: 'KeyUsedForAnotherRequest' })

describe('a key of a collection, in two processes', () => {
  it('is busy while the other process is about to append, and used for another request afterwards', async () => {
    const { one, other, append } = twoProcesses()
    let meanwhile: unknown
    const first = await append(one, 'person-A', async () => {
      meanwhile = await append(other, 'person-B')
    })
    expect(first).toEqual(E.right(added))
    expect(meanwhile).toEqual(busy)
    expect(await append(other, 'person-B')).toEqual(usedElsewhere)
    expect(await append(other, 'person-A')).toEqual(E.right(added))
  })

  it('is taken over from a process that has appended nothing for 30 seconds', async () => {
    const { one, other, append, fail, claimed, later } = twoProcesses()
    await fail(one, 'person-A', { _tag: 'LogUnavailable', cause: 'the outcome is not known' })
    expect(await claimed()).toContain('person-A')
    later(29_999)
    expect(await append(other, 'person-B')).toEqual(busy)
    later(1)
    expect(await append(other, 'person-B')).toEqual(E.right(added))
    expect(await append(one, 'person-A')).toEqual(usedElsewhere)
  })

  it('is free at once when a command is refused after it claimed its key', async () => {
    const { one, other, append, fail, claimed } = twoProcesses()
    await fail(one, 'person-A', { _tag: 'StaleRevision' })
    expect(await claimed()).toBeUndefined()
    expect(await append(other, 'person-B')).toEqual(E.right(added))
  })

  it('is not released by a process that did not claim it', async () => {
    const { one, other, append, fail, claimed } = twoProcesses()
    await append(one, 'person-A')
    await fail(other, 'person-A', { _tag: 'StaleRevision' })
    expect(await claimed()).toContain('person-A')
  })

  it('that an older release claimed without a time is taken over where it was used for nothing', async () => {
    const { one, append, claim } = twoProcesses()
    await claim('person-A')
    expect(await append(one, 'person-B')).toEqual(E.right(added))
  })
})
