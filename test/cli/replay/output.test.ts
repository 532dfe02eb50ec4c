import { Writable } from 'node:stream'
import { beforeAll, describe, expect, it } from 'vitest'
import { pageWritten } from '../../support/events.ts'
import { openTestLog } from '../../support/replay.ts'

let test: Awaited<ReturnType<typeof openTestLog>>
beforeAll(async () => {
  test = await openTestLog()
  for (let n = 0; n < 600; n += 1) await test.append(`page-ANA:${n}`, pageWritten('ANA', String(n)))
})

/** An output that fails with its second piece. */
const failingWith = (code: string): Writable => {
  let pieces = 0
  return new Writable({
    write: (_chunk, _encoding, done) => {
      pieces += 1
      done(pieces === 1 ? null : Object.assign(new Error(code), { code }))
    },
  })
}

describe('replay to standard output', () => {
  it('ends quietly when whoever reads it has gone', async () => {
    expect(await test.replay({}, { stdout: failingWith('EPIPE') })).toMatchObject({ code: 0, err: '' })
  })

  it('that cannot be written says how far it came and how to go on', async () => {
    const { code, err } = await test.replay({ types: 'PageWritten' }, { stdout: failingWith('ENOSPC') })
    const reached = `${test.core.ports.identity.id}-0-500`
    expect(code).toBe(1)
    expect(err).toBe(
      `The disk is full. All up to ${reached} was written. This goes on behind it:\n  npm run -s thalamus -- replay --types PageWritten --after ${reached}\n`,
    )
  })

  it('is no faster than what takes it', async () => {
    let largest = 0
    const slow: Writable = new Writable({
      write: (_chunk, _encoding, done) => {
        largest = Math.max(largest, slow.writableLength)
        setImmediate(done)
      },
    })
    await test.replay({}, { stdout: slow })
    const { out } = await test.replay()
    expect(largest).toBeGreaterThan(0)
    expect(largest).toBeLessThan(out.length)
  })
})
