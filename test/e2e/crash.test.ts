import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { basic, type Client, clientOf } from '../support/client.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type RunningHub, runCommand, startHubProcess, untilReady } from '../support/process.ts'

const folder = temporaryFolder()
afterAll(() => folder.remove())

const asRoot = ({ url }: RunningHub): Client => clientOf(url, basic('ARGBUE111FAV', 'freedom'))

/** Writes pages until the hub is gone; gives the ids of those that were answered 201. */
const writeUntilGone = async (client: Client, writer: number): Promise<readonly string[]> => {
  const answered: string[] = []
  for (let n = 0; n < 5_000; n += 1) {
    const id = `w${writer}-${n}`
    const reply = await client.post(`/pols/ESPGNU777ORG/${id}`, { summary: id }).catch(() => undefined)
    if (reply?.status !== 201) return answered
    answered.push(id)
  }
  return answered
}

const bookOf = async (client: Client): Promise<ReadonlyMap<string, unknown>> => {
  const pages = new Map<string, unknown>()
  let path: string | undefined = '/pols/ESPGNU777ORG?limit=1000'
  while (path !== undefined) {
    const reply = await client.get(path)
    for (const page of reply.json as { id: string; summary: string }[]) pages.set(page.id, page.summary)
    path = /<([^>]+)>/.exec(reply.headers.get('Link') ?? '')?.[1]
  }
  return pages
}

describe('what was answered 2xx', () => {
  it('is there after kill -9 under load, in the log and in the read models', async () => {
    const register = ['person', 'register', 'ARGBUE111FAV', '--roles', 'root', '--password-stdin']
    await runCommand([...register, '--data-dir', folder.path], 'freedom')
    let hub = await startHubProcess(folder.path)
    expect((await asRoot(hub).post('/people/ESPGNU777ORG', {})).status).toBe(201)
    const expected: string[] = []
    for (let round = 0; round < 3; round += 1) {
      const client = asRoot(hub)
      const writers = Array.from({ length: 8 }, (_, i) => writeUntilGone(client, round * 8 + i))
      // Killed in the middle: once enough has been answered.
      let written = 0
      while (written < 40) written = (await bookOf(client)).size - expected.length
      await hub.kill('SIGKILL')
      expected.push(...(await Promise.all(writers)).flat())
      hub = await startHubProcess(folder.path)
      await untilReady(hub)
      const book = await bookOf(asRoot(hub))
      expect(expected.filter(id => book.get(id) !== id)).toEqual([])
    }
    await hub.kill('SIGTERM')
  })

  it('is there after the read models were deleted', async () => {
    const before = await startHubProcess(folder.path)
    await untilReady(before)
    const book = await bookOf(asRoot(before))
    await before.kill('SIGTERM')
    for (const file of readdirSync(folder.path).filter(name => name.startsWith('read.db')))
      rmSync(join(folder.path, file))
    const after = await startHubProcess(folder.path)
    await untilReady(after)
    expect(await bookOf(asRoot(after))).toEqual(book)
    await after.kill('SIGTERM')
  })
})
