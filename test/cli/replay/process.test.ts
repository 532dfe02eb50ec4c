import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeOne, openLog } from '../../../stores/codec.ts'
import { sqliteLog } from '../../../stores/sqlite/event-log.ts'
import { right } from '../../support/either.ts'
import { pageWritten } from '../../support/events.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { testKeys } from '../../support/keys.ts'
import { runCommand } from '../../support/process.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = temporaryFolder()
afterAll(() => folder.remove())
beforeAll(async () => {
  const stored = sqliteLog(join(folder.path, 'events.db'))
  await right(openLog(stored, testKeys))
  // More than a pipe holds.
  const info = 'x'.repeat(400)
  await Promise.all(
    Array.from({ length: 1_000 }, (_, n) =>
      // In clear: no hub has been here that could have made keys.
      right(
        stored.append(`page-ANA:${n}`, 'no-stream', [encodeOne(pageWritten('ANA', String(n), { info }))]),
      ),
    ),
  )
  await stored.close()
})

describe('the command replay', () => {
  it('says everything that is wrong at once, also with positions, and exits with 2', async () => {
    const wrong = [
      '--since',
      'x',
      '--format',
      'xml',
      '--types',
      'a',
      '--after',
      'y',
      '--reduce',
      '/nowhere.ts',
    ]
    const { code, out, err } = await runCommand(['replay', '--data-dir', folder.path, ...wrong])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    for (const option of ['since', 'format', 'types', 'after', 'reduce'])
      expect(err).toContain(`--${option}: `)
  })

  it('ends quietly when nobody reads on', async () => {
    const node = 'node_modules/.bin/node'
    const script = `${node} cli/main.ts replay --data-dir ${folder.path} | head -n 1; echo "\${PIPESTATUS[0]}"`
    const { stdout, stderr } = await promisify(execFile)('bash', ['-c', script], { cwd: root })
    const [line = '', code] = stdout.split('\n')
    expect(JSON.parse(line)).toMatchObject({ stream: 'page-ANA:0', type: 'PageWritten' })
    expect({ code, stderr }).toEqual({ code: '0', stderr: '' })
  })
})
