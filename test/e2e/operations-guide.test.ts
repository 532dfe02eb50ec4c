import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { basic, type Client, clientOf } from '../support/client.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type RunningHub, runCommand, startHubProcess, untilReady } from '../support/process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const guide = readFileSync(join(root, 'docs/operations.md'), 'utf8')

/** The commands of a section, as they are printed. */
const blocksOf = (heading: string): readonly string[] => {
  const section = (guide.split(`${heading}\n`)[1] ?? '').split(/^##/m)[0] ?? ''
  return [...section.matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)].map(match => match[1] ?? '')
}

const folder = temporaryFolder()
afterAll(() => folder.remove())
const dataDir = join(folder.path, 'data')

/** Runs commands in the folder that holds `data`. */
const output = async (...blocks: readonly string[]): Promise<string> => {
  const script = blocks
    .join('')
    .replaceAll('npm run -s thalamus --', `${root}node_modules/.bin/node ${root}cli/main.ts`)
  const { stdout } = await promisify(execFile)('bash', ['-euc', script], { cwd: folder.path })
  return stdout
}

const asRoot = ({ url }: RunningHub): Client => clientOf(url, basic('ROOT', 'freedom'))

/** Writes pages and contents one after the other, until `isOver`; gives the paths of what was answered 2xx. */
const writeTo = async (client: Client, name: string, answered: string[], isOver: () => boolean) => {
  for (let n = 0; !isOver(); n += 1) {
    const page = `/pols/ROOT/${name}-${n}`
    if ((await client.post(page, { summary: `Visit ${n}` })).status === 201) answered.push(page)
    const document = `/personal-documents/${name}-${n}`
    await client.post(document, { person: 'ROOT' })
    const body = new TextEncoder().encode(`${name} ${n}`)
    const uploaded = await client.send('PUT', `${document}/content`, { body })
    if (uploaded.status === 201) answered.push(`${document}/content`)
  }
}

describe('a day in the life of a hub, by the commands of the guide to operations', () => {
  it('loses nothing that was answered before the backup, though all of DATA_DIR is lost', async () => {
    const registered = ['person', 'register', 'ROOT', '--roles', 'root', '--password-stdin']
    await runCommand([...registered, '--data-dir', dataDir], 'freedom')
    await runCommand(['import', 'docs/examples/federation.ndjson', '--data-dir', dataDir])

    const hub = await startHubProcess(dataDir)
    await untilReady(hub)
    const answered: string[] = []
    let isOver = false
    const writers = ['a', 'b', 'c'].map(name => writeTo(asRoot(hub), name, answered, () => isOver))
    while (answered.length < 20) await asRoot(hub).get('/login')
    const [keep = '', backUp = '', tryIt = ''] = blocksOf('### Take a backup')
    await output(keep)
    const before = [...answered]
    expect(await output(backUp)).toContain('Backed up to backup')
    expect(answered.length).toBeGreaterThan(before.length)
    isOver = true
    await Promise.all(writers)
    expect(await output(tryIt)).toContain('all of it verified')
    expect(await output(...blocksOf('## Is everything whole'))).toContain('All is whole')
    await hub.kill('SIGKILL')

    const [away = '', restore = '', look = ''] = blocksOf('### Put a backup back')
    await output(away, 'rm -r damaged\n')
    expect(await output(restore)).toContain('all of it verified')
    const again = await startHubProcess(dataDir)
    await untilReady(again)
    for (const path of before) expect([path, (await asRoot(again).get(path)).status]).toEqual([path, 200])
    expect((await asRoot(again).get('/people/ESPGNU777ORG')).status).toBe(200)
    expect(await output(look)).toContain('All is whole')
    expect(await again.kill('SIGTERM')).toBe(0)
  })
})
