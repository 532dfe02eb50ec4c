import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { basic, clientOf } from '../support/client.ts'
import { describeUnless } from '../support/describe-unless.ts'
import { temporaryFolder } from '../support/folder.ts'
import { runCommand, startHubProcess, untilReady } from '../support/process.ts'

const folder = temporaryFolder()

/** A disk of 6 MiB; false where this user may not mount one. */
const mountSmallDisk = (): boolean => {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', folder.path], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
const mounted = mountSmallDisk()
afterAll(() => {
  if (mounted) execFileSync('umount', [folder.path])
  folder.remove()
})

const fillDisk = (): void => {
  try {
    writeFileSync(join(folder.path, 'fill'), Buffer.alloc(8 * 1024 * 1024))
  } catch {
    // That it is full is the point.
  }
}

describeUnless(mounted ? undefined : 'only root can mount a small one', 'a full disk', () => {
  it('refuses writes with 503, half-writes nothing, and the hub recovers with the disk', async () => {
    const dataDir = join(folder.path, 'data')
    const register = [
      'person',
      'register',
      'ROOT',
      '--roles',
      'root',
      '--password-stdin',
      '--data-dir',
      dataDir,
    ]
    await runCommand(register, 'freedom')
    const hub = await startHubProcess(dataDir)
    await untilReady(hub)
    const root = clientOf(hub.url, basic('ROOT', 'freedom'))
    expect((await root.post('/pols/ROOT/before', {})).status).toBe(201)
    expect((await root.post('/personal-documents/scan', { person: 'ROOT' })).status).toBe(201)
    const upload = () =>
      root.send('PUT', '/personal-documents/scan/content', { body: new Uint8Array(300_000) })
    fillDisk()
    expect((await upload()).status).toBe(503)
    const incoming = join(dataDir, 'content', 'incoming')
    expect(existsSync(incoming) ? readdirSync(incoming) : []).toEqual([])
    for (let n = 0; n < 5; n += 1) {
      const refused = await root.post(`/pols/ROOT/during-${n}`, { info: 'x'.repeat(60_000) })
      expect(refused.status).toBe(503)
      expect(refused.headers.get('Retry-After')).toBe('1')
    }
    // Either the read models have the page, or they say that they cannot tell.
    const during = await root.get('/pols/ROOT/before')
    expect([200, 503]).toContain(during.status)
    rmSync(join(folder.path, 'fill'))
    expect((await root.post('/pols/ROOT/after', {})).status).toBe(201)
    expect((await upload()).status).toBe(201)
    await untilReady(hub)
    const book = await root.get('/pols/ROOT')
    expect(book.json).toMatchObject([{ id: 'before' }, { id: 'after' }])
    expect(await hub.kill('SIGTERM')).toBe(0)
  })
})
