import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { describeUnless } from '../../support/describe-unless.ts'
import { pageWritten, personRegistered } from '../../support/events.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { entriesIn, openTestLog } from '../../support/replay.ts'

const folder = temporaryFolder()
afterAll(() => folder.remove())
const out = join(folder.path, 'history')
afterEach(() => {
  for (const suffix of ['', '.replay']) rmSync(`${out}${suffix}`, { force: true })
})

let test: Awaited<ReturnType<typeof openTestLog>>
let to: string
beforeAll(async () => {
  test = await openTestLog()
  await test.append('person-ANA', personRegistered('ANA', { name: 'Añá' }))
  for (const id of ['p1', 'p2', 'p3']) await test.append(`page-ANA:${id}`, pageWritten('ANA', id))
  to = `${test.core.ports.identity.id}-0-5`
})

describe('replay to a file', () => {
  it.each(['ndjson', 'csv'])('holds as %s what standard output would, for its owner only', async format => {
    const { out: printed } = await test.replay({ format, to })
    const { code, out: summary, err } = await test.replay({ format, to, out })
    expect({ code, summary, err }).toEqual({ code: 0, summary: `4 events in ${out}.\n`, err: '' })
    expect(readFileSync(out, 'utf8')).toBe(printed)
    expect(statSync(out).mode & 0o777).toBe(0o600)
  })

  it.each(['ndjson', 'csv'])('goes on behind its last whole line, wherever it was cut (%s)', async format => {
    await test.replay({ format, to, out })
    const whole = readFileSync(out)
    for (let cut = 0; cut < whole.length; cut += 13) {
      truncateSync(out, cut)
      const { code, err } = await test.replay({ format, to, out })
      expect({ cut, code, err }).toEqual({ cut, code: 0, err: '' })
      expect(readFileSync(out).equals(whole), `cut at ${cut}`).toBe(true)
    }
  })

  it('brings a file up to date, and adds nothing to one that is', async () => {
    await test.replay({ stream: 'person-ANA', out })
    const before = readFileSync(out, 'utf8')
    expect((await test.replay({ stream: 'person-ANA', out })).out).toBe(`0 events more in ${out}.\n`)
    expect(readFileSync(out, 'utf8')).toBe(before)
    await test.replay({ types: 'HistoryReplayed', out: `${out}-2` })
    const first = entriesIn(readFileSync(`${out}-2`, 'utf8')).length
    const { out: more } = await test.replay({ types: 'HistoryReplayed', out: `${out}-2` })
    expect(more).toBe(`1 event more in ${out}-2.\n`)
    expect(entriesIn(readFileSync(`${out}-2`, 'utf8'))).toHaveLength(first + 1)
  })

  it('goes on with a larger --to, and refuses a smaller one', async () => {
    const { id } = test.core.ports.identity
    await test.replay({ to: `${id}-0-3`, out })
    await test.replay({ to, out })
    const { out: printed } = await test.replay({ to })
    expect(readFileSync(out, 'utf8')).toBe(printed)
    const { code, err } = await test.replay({ to: `${id}-0-3`, out })
    expect({ code, err }).toEqual({
      code: 2,
      err: `${out} goes further than this replay: name a new file with --out.\n`,
    })
    expect(readFileSync(out, 'utf8')).toBe(printed)
  })

  it.each([
    [{ format: 'csv' }, '--format was ndjson and is csv now'],
    [{ types: 'PageWritten' }, '--types was none and is PageWritten now'],
    [
      { stream: 'person-ANA', since: '2026-01-01' },
      '--since was none and is 2026-01-01T00:00:00 now; --stream was none',
    ],
  ])('refuses a file that was begun without %j', async (options, difference) => {
    await test.replay({ to, out })
    const before = readFileSync(out)
    const { code, err } = await test.replay({ ...options, to, out })
    expect(code).toBe(2)
    expect(err).toContain(difference)
    expect(readFileSync(out).equals(before)).toBe(true)
  })

  it('refuses a file that replay did not write', async () => {
    writeFileSync(out, 'a letter\n')
    const { code, err } = await test.replay({ out })
    expect(code).toBe(2)
    expect(err).toContain(`${out}.replay, which says how replay began it, is not`)
    expect(readFileSync(out, 'utf8')).toBe('a letter\n')
    expect(existsSync(`${out}.replay`)).toBe(false)
  })

  it.each([
    ['ndjson', 'a letter\n'],
    ['csv', 'a letter\n'],
  ])('refuses a file whose last line is none of its own (%s)', async (format, line) => {
    await test.replay({ format, to, out })
    appendFileSync(out, line)
    const { code, err } = await test.replay({ format, to, out })
    expect(code).toBe(2)
    expect(err).toContain('is none of replay’s')
  })

  it('refuses a file that holds the history of another log', async () => {
    await test.replay({ out })
    const other = await openTestLog()
    const { code, err } = await other.replay({ out })
    expect({ code, err }).toEqual({ code: 2, err: `${out} is of another log: name a new file with --out.\n` })
  })

  it.each([
    ['a folder', folder.path, 'is no file'],
    ['a file in no folder', '/nowhere/at/all', 'ENOENT'],
  ])('refuses %s', async (_what, path, problem) => {
    const { code, err } = await test.replay({ out: path })
    expect(code).toBe(2)
    expect(err).toContain(problem)
  })

  it('that is interrupted ends with a whole line and says how to go on', async () => {
    const ending = new AbortController()
    const terminal = { isTerminal: true, write: () => ending.abort(), now: () => 0 }
    const { code, err } = await test.replay({ out, to }, { signal: ending.signal, terminal })
    expect(code).toBe(1)
    expect(err).toContain('Interrupted.')
    expect(err).toContain(`npm run -s thalamus -- replay --out ${out} --to ${to}`)
  })
})

/** A small disk; false where this user may not mount one. */
const disk = join(folder.path, 'disk')
const mountSmallDisk = (): boolean => {
  try {
    execFileSync('mkdir', [disk])
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
const mounted = mountSmallDisk()
afterAll(() => {
  if (mounted) execFileSync('umount', [disk])
})

describeUnless(
  mounted ? undefined : 'only root can mount a small disk',
  'replay to a disk that fills',
  () => {
    it.each(['ndjson', 'csv'])(
      'ends with a whole line, and goes on with the same command (%s)',
      async format => {
        const full = await openTestLog()
        for (let n = 0; n < 1_000; n += 1)
          await full.append(
            `page-ANA:${n}`,
            pageWritten('ANA', String(n), { info: 'x'.repeat(n < 500 ? 10 : 500) }),
          )
        const last = `${full.core.ports.identity.id}-0-1001`
        const file = join(disk, format)
        // The first 500 events fit, those of the next batch do not.
        execFileSync('mount', ['-o', 'remount,size=256k', disk])
        const { code, out: printed, err } = await full.replay({ format, to: last, out: file })
        expect({ code, printed }).toEqual({ code: 1, printed: '' })
        expect(err).toContain('The disk is full.')
        expect(err).toContain(`replay --format ${format} --to ${last} --out ${file}`)
        const written = readFileSync(file, 'utf8')
        expect(written.endsWith('\n')).toBe(true)
        expect(written.split('\n').length).toBeGreaterThan(400)
        execFileSync('mount', ['-o', 'remount,size=8m', disk])
        expect((await full.replay({ format, to: last, out: file })).code).toBe(0)
        expect(readFileSync(file, 'utf8')).toBe((await full.replay({ format, to: last })).out)
        rmSync(file)
      },
    )
  },
)
