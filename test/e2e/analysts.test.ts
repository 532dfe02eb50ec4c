import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commandsIn, guideText } from '../support/guide.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const guide = guideText('docs/analysts.md')
const commands = commandsIn(guide)
const answers = [...guide.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(match => match[1] ?? '')

const cut = '---------- cut here ----------'

describe('the guide for analysts', () => {
  let hub: TestHub
  let folder: string
  beforeAll(async () => {
    hub = await startTestHub()
    folder = mkdtempSync(join(hub.core.config.dataDir, 'analyst-'))
  })
  afterAll(async () => {
    rmSync(folder, { recursive: true })
    await hub.close()
  })

  it('is answered as it says', async () => {
    const script = commands
      .map(block => `${block}echo; echo '${cut}'\n`)
      .join('')
      .replaceAll('npm run -s thalamus --', 'node_modules/.bin/node cli/main.ts')
      .replaceAll('http://127.0.0.1:8080', hub.url)
      .replaceAll('curl ', 'curl -sS --fail-with-body ')
      .replaceAll('history.csv', join(folder, 'history.csv'))
    const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-euc', script], {
      cwd: root,
      env: {
        NODE_COMPILE_CACHE: `${root}node_modules/.cache/compile`,
        ...process.env,
        DATA_DIR: hub.core.config.dataDir,
      },
    })
    const [imported, corrected, written, ...reduced] = stdout.split(`\n${cut}\n`)
    expect(stderr).toBe('')
    expect(imported).toBe('13 added, 0 already there, 0 refused.\n')
    expect(corrected).toContain('"Dengue, confirmed by the laboratory"')
    const file = join(folder, 'history.csv')
    expect(guide).toContain(written?.trim().replace(file, 'history.csv'))
    expect(existsSync(`${file}.replay`)).toBe(true)
    expect(readFileSync(file, 'utf8').split('\r\n')).toHaveLength(1 + 8 + 1)
    const asOf = JSON.parse(reduced[3] ?? '')
    expect(asOf).toMatchObject({ health_condition_text: 'Fever', summary: 'Influenza is suspected' })
    expect(answers).toHaveLength(3)
    expect(reduced.slice(0, 3).map(text => JSON.parse(text))).toEqual(answers.map(text => JSON.parse(text)))
  })

  it('shows the record as it is now where no time is given', async () => {
    const { stdout } = await promisify(execFile)(
      'node_modules/.bin/node',
      ['cli/main.ts', 'replay', '--reduce', 'docs/examples/record.ts'],
      { cwd: root, env: { ...process.env, DATA_DIR: hub.core.config.dataDir, PERSON: 'ESPGNU777ORG' } },
    )
    expect(JSON.parse(stdout)).toMatchObject({
      '/people/ESPGNU777ORG': { lastname: 'Betz Santana' },
      '/pols/ESPGNU777ORG/41b9662b': { health_condition_text: 'Dengue' },
    })
  })
})
