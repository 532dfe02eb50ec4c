/**
 * `node bench/migrate.ts [PEOPLE [PAGES_EACH [DOCUMENTS]]]`: brings a generated database of the original over into a fresh
 * DATA_DIR, once dry, once really and once again; says how fast, and how much memory it takes on the way. It starts
 * PostgreSQL, Debian's, by itself.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import bcrypt from 'bcrypt'
import { temporaryFolder } from '../test/support/folder.ts'
import { originalTables, type Postgresql, startPostgresql } from '../test/support/postgresql.ts'
import { mebibytes, processorSeconds, residentBytes } from './memory.ts'
import { accountOf, pageOf, personOf } from './seed.ts'

const [people = 100_000, pagesEach = 5, documents = 10_000] = process.argv.slice(2).map(Number)
const rows = people * (1 + pagesEach) + documents
const lookMilliseconds = 100
const atOnce = 1_000
const hash = bcrypt.hashSync('gnusolidario', 4)

interface Table {
  readonly name: string
  readonly types: string
  readonly count: number
  readonly row: (n: number) => readonly unknown[]
}

const documentOf = (n: number): Buffer => Buffer.alloc(20_000 + (n % 100) * 1_000, `document ${n}; `)

const tables: readonly Table[] = [
  {
    name: 'people',
    types: 'varchar[], jsonb[]',
    count: people,
    row: n => [accountOf(n), JSON.stringify({ ...personOf(n), password: hash })],
  },
  {
    name: 'pols',
    types: 'varchar[], varchar[], jsonb[]',
    count: people * pagesEach,
    row: n => {
      const account = accountOf(n % people)
      return [`page-${n}`, account, JSON.stringify(pageOf(account, `page-${n}`, n))]
    },
  },
  {
    name: 'personal_docs',
    types: 'varchar[], varchar[], varchar[], bytea[], jsonb[]',
    count: documents,
    row: n => {
      const bytes = documentOf(n)
      const sha512 = createHash('sha512').update(bytes).digest('hex')
      const data = { type: 'scan', extension: 'pdf', hash: sha512, description: 'Blood count', active: true }
      return [`doc-${n}`, accountOf(n % people), null, bytes, JSON.stringify(data)]
    },
  },
]

const fill = async (postgresql: Postgresql): Promise<void> => {
  await postgresql.make('federation', originalTables)
  for (const { name, types, count, row } of tables)
    for (let from = 0; from < count; from += atOnce) {
      const all = Array.from({ length: Math.min(atOnce, count - from) }, (_, i) => row(from + i))
      const columns = types.split(', ').map((_, i) => all.map(one => one[i]))
      const unnested = types.split(', ').map((type, i) => `$${i + 1}::${type}`)
      await postgresql.make('federation', [
        [`INSERT INTO ${name} SELECT * FROM unnest(${unnested.join(', ')})`, ...columns],
      ])
    }
  await postgresql.make('federation', ['ANALYZE'])
}

const countEvents = (dataDir: string): number => {
  try {
    const db = new DatabaseSync(join(dataDir, 'events.db'), { readOnly: true, timeout: 1_000 })
    const count = Number(db.prepare('SELECT max(position) AS count FROM events').get()?.count ?? 0)
    db.close()
    return count
  } catch {
    return 0
  }
}

/** Runs the command to its end; the memory is looked at when half of the rows are written, and while they are compared. */
const run = async (from: string, dataDir: string, what: string, more: readonly string[] = []) => {
  const parameters = ['cli/main.ts', 'migrate', '--from', from, '--data-dir', dataDir, ...more]
  const start = performance.now()
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.on('data', chunk => {
    out += String(chunk)
  })
  const ended = once(child, 'exit')
  const all = rows + documents
  let [half, written, writtenAfter, end, processor] = [0, 0, 0, 0, 0]
  while (child.exitCode === null) {
    try {
      const resident = residentBytes(child.pid ?? 0)
      end = Math.max(resident, end)
      processor = processorSeconds(child.pid ?? 0)
      const events = countEvents(dataDir)
      if (half === 0 && events > all / 2) half = resident
      if (writtenAfter === 0 && events > all) {
        written = resident
        writtenAfter = (performance.now() - start) / 1000
      }
    } catch {
      break
    }
    await Promise.race([ended, pause(lookMilliseconds)])
  }
  const seconds = (performance.now() - start) / 1000
  const rates =
    writtenAfter > 1
      ? `written after ${writtenAfter.toFixed(1)} s, ${Math.round(rows / writtenAfter)} rows/s; compared ${(seconds - writtenAfter).toFixed(1)} s later; `
      : `${Math.round(rows / seconds)} rows/s; `
  const memory =
    writtenAfter > 1
      ? `resident ${mebibytes(half)} at half, ${mebibytes(written)} when written, `
      : 'resident '
  process.stdout.write(
    `${what}: ${seconds.toFixed(1)} s, ${processor.toFixed(1)} of the processor; ${rates}${memory}at most ${mebibytes(end)}; exit ${child.exitCode}\n${out}\n`,
  )
}

const postgresql = await startPostgresql()
const folder = temporaryFolder()
try {
  await fill(postgresql)
  process.stdout.write(
    `${rows} rows: ${people} people, ${people * pagesEach} pages, ${documents} documents\n`,
  )
  const from = postgresql.socketUrlOf('federation')
  const dataDir = join(folder.path, 'data')
  await run(from, dataDir, 'dry', ['--dry-run'])
  await run(from, dataDir, 'really')
  await run(from, dataDir, 'again')
  process.stdout.write(`events.db ${mebibytes(statSync(join(dataDir, 'events.db')).size)}\n`)
} finally {
  await postgresql.remove()
  rmSync(folder.path, { recursive: true, force: true })
}
