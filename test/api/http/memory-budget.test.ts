import { describe, expect, it } from 'vitest'
import { makeMemoryBudget } from '../../../api/http/memory-budget.ts'

const budget = () => makeMemoryBudget({ total: 100, share: 60 })

describe('the memory of requests under way', () => {
  it('is held until it is released', () => {
    const memory = budget()
    const allocation = memory.allocationOf('ana')
    expect(allocation.take(40)).toBeUndefined()
    expect(memory.held()).toBe(40)
    allocation.giveBack(10)
    expect(memory.held()).toBe(30)
    allocation.release()
    expect(memory.held()).toBe(0)
  })

  it('is refused to a caller that holds its share, and given to others', () => {
    const memory = budget()
    memory.allocationOf('ana').take(60)
    expect(memory.allocationOf('ana').take(1)).toEqual({ _tag: 'CallerOverBudget' })
    expect(memory.allocationOf('bea').take(40)).toBeUndefined()
  })

  it('is refused to everybody when all of it is held', () => {
    const memory = budget()
    memory.allocationOf('ana').take(60)
    expect(memory.allocationOf('bea').take(41)).toEqual({ _tag: 'ProcessOverBudget' })
  })

  it('is waited for until another request releases it', async () => {
    const memory = budget()
    const first = memory.allocationOf('ana')
    first.take(60)
    const waiting = memory.allocationOf('ana').takeWithin(30, 60_000)
    first.release()
    expect(await waiting).toBeUndefined()
    expect(memory.held()).toBe(30)
  })

  it('is refused to who has waited too long', async () => {
    const memory = budget()
    memory.allocationOf('ana').take(60)
    expect(await memory.allocationOf('ana').takeWithin(30, 1)).toEqual({ _tag: 'CallerOverBudget' })
  })

  it('is not held by a request that has ended', () => {
    const memory = budget()
    const allocation = memory.allocationOf('ana')
    allocation.release()
    expect(allocation.take(60)).toBeUndefined()
    expect(memory.held()).toBe(0)
  })
})
