/**
 * `node bench/capacity.ts [PEOPLE [PAGES_EACH]]`: fills a hub and says what each thing takes on the disk, and how long a start, a backup, a check
 * and the building of the read models take with it. A table for docs/operations/capacity.md.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { mebibytes, residentBytes } from './memory.ts'
import { accountOf, pageOf, personOf } from './seed.ts'

const [people = 100_000, pagesEach = 5] = process.argv.slice(2).map(Number)
const folder = mkdtempSync(join(tmpdir(), 'thalamus-capacity-'))
const dataDir = join(folder, 'data')
const files = ['events.db', 'auth.db', 'relay.db', 'read.db'] as const

const run = async (...parameters: readonly string[]): Promise<number> => {
  const start = performance.now()
  const child = spawn(process.execPath, ['--', 'cli/main.ts', ...parameters, '--data-dir', dataDir], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${parameters[0]} ended with ${code}`)
  return (performance.now() - start) / 1000
}

interface Line {
  readonly resource: string
  readonly id: string
  readonly data: unknown
}

const importLines = async (lines: Iterable<Line>): Promise<void> => {
  const file = join(folder, 'import.ndjson')
  const out = createWriteStream(file)
  for (const line of lines) if (!out.write(`${JSON.stringify(line)}\n`)) await once(out, 'drain')
  out.end()
  await once(out, 'finish')
  await run('import', file)
}

/** Bytes of each file, all that was written being in it. */
const sizes = (): readonly number[] =>
  files.map(name => {
    const path = join(dataDir, name)
    const db = new DatabaseSync(path)
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    db.close()
    return statSync(path).size
  })

const rows: string[] = []
let before: readonly number[] = files.map(() => 0)
/** What so many of one kind have added, for each. */
const note = (what: string, count: number): void => {
  const now = sizes()
  const each = now.map((size, i) => Math.round((size - (before[i] ?? 0)) / count))
  rows.push(`| ${what} | ${count} | ${each.join(' | ')} | ${each.reduce((sum, size) => sum + size, 0)} |`)
  before = now
}

function* registrations(): Generator<Line> {
  for (let n = 0; n < people; n += 1) yield { resource: 'people', id: accountOf(n), data: personOf(n) }
}
function* pages(): Generator<Line> {
  for (let i = 0; i < pagesEach; i += 1)
    for (let n = 0; n < people; n += 1) {
      const account = accountOf(n)
      yield { resource: 'pols', id: `${account}/page-${i}`, data: pageOf(account, `page-${i}`, n + i) }
    }
}

/** Changes of pages, as a client makes them. */
const revisions = async (url: string, count: number): Promise<void> => {
  let next = 0
  const authorization = `Basic ${Buffer.from('CAPACITYROOT:freedom').toString('base64')}`
  const client = async () => {
    for (;;) {
      const n = next
      next += 1
      if (n >= count) return
      const answer = await fetch(`${url}/pols/${accountOf(n % people)}/page-0`, {
        method: 'PATCH',
        headers: { authorization, 'Content-Type': 'application/json' },
        body: JSON.stringify({ summary: `Looked at again, ${n}` }),
      })
      if (answer.status !== 200) throw new Error(`a change was answered ${answer.status}`)
      await answer.arrayBuffer()
    }
  }
  await Promise.all(Array.from({ length: 16 }, client))
}

/** Starts the hub and waits until its read models have all. */
const startHub = async () => {
  const start = performance.now()
  const child = spawn(
    process.execPath,
    ['--', 'cli/main.ts', 'serve', '--port', '0', '--data-dir', dataDir],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  const url = String(line).replace(/^listening on /, '')
  while ((await fetch(`${url}/readyz`)).status !== 200) await pause(50)
  return {
    url,
    seconds: (performance.now() - start) / 1000,
    resident: residentBytes(child.pid ?? 0),
    stop: async () => {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

/** Has what was imported taken into the read models. */
const project = async (): Promise<void> => {
  const hub = await startHub()
  await hub.stop()
}

try {
  process.stderr.write('registering people\n')
  const register = spawn(
    process.execPath,
    [
      '--',
      'cli/main.ts',
      'person',
      'register',
      'CAPACITYROOT',
      '--roles',
      'root',
      '--password-stdin',
      '--data-dir',
      dataDir,
    ],
    { stdio: ['pipe', 'ignore', 'inherit'] },
  )
  register.stdin.end('freedom')
  await once(register, 'exit')
  await project()
  before = sizes()
  await importLines(registrations())
  await project()
  note('a person', people)
  process.stderr.write('writing pages\n')
  await importLines(pages())
  await project()
  note('a page', people * pagesEach)
  process.stderr.write('changing pages\n')
  const hub = await startHub()
  const changes = Math.min(people, 50_000)
  await revisions(hub.url, changes)
  await hub.stop()
  note('a change of a page', changes)
  const started = await startHub()
  await started.stop()
  const backup = await run('backup', join(folder, 'backup'))
  const backupBytes = readdirSync(join(folder, 'backup'), { recursive: true, encoding: 'utf8' })
    .map(name => statSync(join(folder, 'backup', name)).size)
    .reduce((sum, size) => sum + size, 0)
  const check = await run('check')
  const rebuild = await run('rebuild')
  process.stdout.write(`| what | how many | ${files.join(' | ')} | all |
| --- | --- | ${files.map(() => '---').join(' | ')} | --- |
${rows.join('\n')}

${people * (1 + pagesEach) + changes} events: start until ready ${started.seconds.toFixed(1)} s, resident ${mebibytes(started.resident)} then; \
\`rebuild\` of all read models ${rebuild.toFixed(0)} s, \`backup\` ${backup.toFixed(0)} s and ${mebibytes(backupBytes)}, \
\`check\` ${check.toFixed(0)} s.
`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
