import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/folder.ts'
import { type RunningHub, startHubProcess } from '../support/process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
const blocksOf = (text: string): readonly string[] =>
  [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(match => match[1] ?? '')
const blocks = blocksOf(readme)
/** The first block of a section of the README. */
const blockOf = (section: string): string => blocksOf(readme.split(`## ${section}\n`)[1] ?? '')[0] ?? ''
const auditors = blocksOf(readFileSync(new URL('../../docs/auditors.md', import.meta.url), 'utf8'))

const folder = temporaryFolder()
let hub: RunningHub
beforeAll(async () => {
  hub = await startHubProcess(folder.path)
})
afterAll(async () => {
  await hub.kill('SIGTERM')
  folder.remove()
})

const run = promisify(execFile)

/** Runs a block as it is printed, against this test's hub and folder. */
const output = async (block: string): Promise<string> => {
  const script = block
    .replaceAll('http://127.0.0.1:8080', hub.url)
    .replaceAll('curl ', 'curl -sS ')
    .replaceAll('audit.ndjson', `${folder.path}/audit.ndjson`)
    .replaceAll('--out inbox', `--out ${folder.path}/inbox`)
  const { stdout } = await run('bash', ['--norc', '-euc', script], {
    cwd: root,
    env: { ...process.env, DATA_DIR: folder.path },
  })
  return stdout
}

describe('the README', () => {
  it('begins with the command that runs the hub and the one that passes its tests', () => {
    expect(blocks.slice(0, 2)).toEqual(['npm ci && npm start\n', 'npm test\n'])
  })

  it('leads from an empty hub to a book of life that is read, with commands that work as printed', async () => {
    const [, , register = '', person = '', page = '', read = '', upload = '', range = ''] = blocks
    expect(await output(register)).toContain('ARGBUE111FAV is registered')
    expect(JSON.parse(await output(person))).toMatchObject({ id: 'ESPGNU777ORG', lastname: 'Betz' })
    expect(JSON.parse(await output(page))).toMatchObject({ book: 'ESPGNU777ORG', domain: 'medical' })
    expect(JSON.parse(await output(read))).toHaveLength(1)
    expect(await output(upload)).toContain('"content":{"size":')
    expect(await output(range)).toContain('GNU GENERAL PUBLIC LICENSE')
  })

  it('shows what changed to whoever follows it, and to auditors', async () => {
    expect(JSON.parse(await output(blockOf('Follow what changes')))).toMatchObject({
      events: [{ type: 'PersonRegistered' }, { type: expect.any(String) }],
    })
    expect(JSON.parse(await output(blockOf('For auditors')))).toMatchObject([{ event: 'PersonRegistered' }])
  })

  it('brings a message from one node to another', async () => {
    const [sent, file = ''] = (await output(blockOf('Send and receive'))).trim().split('\n')
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ id: sent, body: { test: 'CBC' } })
  })

  it('shows analysts a command that works', async () => {
    const [replay = ''] = blocks.filter(block => block.includes(' replay '))
    const [head, ...rows] = (await output(replay)).trim().split('\r\n')
    expect(head).toMatch(/^position,stream,/)
    expect(rows.map(row => row.split(',')[3])).toEqual([
      'PersonRegistered',
      'PersonRegistered',
      'PageWritten',
    ])
  })
})

describe('the guide for auditors', () => {
  it('answers its three questions with commands that work as printed', async () => {
    const [register = '', history = '', asOf = '', month = '', everything = '', count = '', replayed = ''] =
      auditors
    expect(await output(register)).toContain('ESPAUDIT1ORG is registered')
    expect(JSON.parse(await output(history))).toMatchObject([
      { event: 'PersonRegistered', actor: { kind: 'person', id: 'ARGBUE111FAV' } },
    ])
    expect(JSON.parse(await output(asOf))).toHaveProperty('id', 'ESPGNU777ORG')
    expect(await output(month)).toMatch(/^position,recordedAt,/)
    await output(everything)
    const [number, first, last] = (await output(count)).trim().split('\n')
    expect(Number(number)).toBeGreaterThan(4)
    expect(first).not.toBe(last)
    expect((await output(replayed)).trim()).toBe(number?.trim())
  })
})
