import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { projections } from '../../projections/read-models.ts'
import { basic, type Client, clientOf } from '../support/client.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type RunningHub, runCommand, startHubProcess, untilReady } from '../support/process.ts'

const folder = temporaryFolder()
let hub: RunningHub
let root: Client
beforeAll(async () => {
  const register = ['person', 'register', 'ROOT', '--roles', 'root', '--password-stdin']
  await runCommand([...register, '--data-dir', folder.path], 'freedom')
  hub = await startHubProcess(folder.path)
  await untilReady(hub)
  root = clientOf(hub.url, basic('ROOT', 'freedom'))
  await root.post('/people/ANA', {})
})
afterAll(async () => {
  await hub.kill('SIGTERM')
  folder.remove()
})

describe('rebuild, while people write', () => {
  it('ends, and no write is ever missing from what is read after it', async () => {
    let isOver = false
    let written = 0
    const missing: string[] = []
    const write = async (name: string) => {
      for (let n = 0; !isOver; n += 1) {
        const path = `/pols/ANA/${name}-${n}`
        expect((await root.post(path, { page_date: '2024-01-02' })).status).toBe(201)
        written += 1
        if ((await root.get(path)).status !== 200) missing.push(path)
      }
    }
    const writers = ['a', 'b', 'c'].map(write)
    const rebuilt = []
    for (const names of [[], ['pols'], []])
      rebuilt.push(await runCommand(['rebuild', ...names, '--data-dir', folder.path]))
    isOver = true
    await Promise.all(writers)
    expect(rebuilt.map(({ code, err }) => ({ code, err }))).toEqual(Array(3).fill({ code: 0, err: '' }))
    // The hub has written to each of them meanwhile, and yet they are proven to be the same.
    const all = projections.length
    expect(rebuilt.map(({ out }) => out.match(/built, and equal to what was served: /g)?.length)).toEqual([
      all,
      1,
      all,
    ])
    expect(missing).toEqual([])
    expect(written).toBeGreaterThan(50)
  })
})
