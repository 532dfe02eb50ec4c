/**
 * `node bench/import.ts [PEOPLE [PAGES_EACH]]`: imports a file of people and pages into a fresh DATA_DIR, alone and beside
 * a hub that runs on it; says how fast, and how much memory it takes on the way.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { startServer } from './load.ts'
import { mebibytes, residentBytes } from './memory.ts'
import { accountOf, pageOf, personOf } from './seed.ts'

const [people = 100_000, pagesEach = 5] = process.argv.slice(2).map(Number)
const lines = people * (1 + pagesEach)
const lookMilliseconds = 100
const folder = mkdtempSync(join(tmpdir(), 'thalamus-import-'))
const file = join(folder, 'import.ndjson')

/** Every person, then everybody's first page, and so on: no page comes right behind its person. */
const writeFile = async (): Promise<void> => {
  const out = createWriteStream(file)
  const write = async (resource: string, id: string, data: unknown) => {
    if (!out.write(`${JSON.stringify({ resource, id, data })}\n`)) await once(out, 'drain')
  }
  for (let n = 0; n < people; n += 1) await write('people', accountOf(n), personOf(n))
  for (let i = 0; i < pagesEach; i += 1)
    for (let n = 0; n < people; n += 1)
      await write('pols', `${accountOf(n)}/page-${i}`, pageOf(accountOf(n), `page-${i}`, n + i))
  out.end()
  await once(out, 'finish')
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

const importInto = async (dataDir: string, what: string): Promise<void> => {
  const before = countEvents(dataDir)
  const start = performance.now()
  const parameters = ['cli/main.ts', 'import', file, '--data-dir', dataDir]
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'inherit', 'inherit'] })
  const ended = once(child, 'exit')
  const highest = new Map<number, number>([10, 50, 100].map(share => [share, 0]))
  let reached = 0
  while (child.exitCode === null) {
    try {
      const resident = residentBytes(child.pid ?? 0)
      const share = (100 * (countEvents(dataDir) - before)) / lines
      if (share >= 99 && reached === 0) reached = performance.now()
      for (const [until, most] of highest) if (share <= until && resident > most) highest.set(until, resident)
    } catch {
      break
    }
    await Promise.race([ended, pause(lookMilliseconds)])
  }
  const seconds = (performance.now() - start) / 1000
  const memory = [...highest].map(([until, most]) => `${mebibytes(most)} until ${until} %`).join(', ')
  process.stdout.write(
    `${what}: ${seconds.toFixed(1)} s, ${Math.round(lines / seconds)} lines/s; resident at most ${memory}; events.db ${mebibytes(statSync(join(dataDir, 'events.db')).size)}\n`,
  )
}

try {
  await writeFile()
  process.stdout.write(`${lines} lines, ${mebibytes(statSync(file).size)}\n`)
  const alone = join(folder, 'alone')
  await importInto(alone, 'alone')
  await importInto(alone, 'again')
  const beside = join(folder, 'beside')
  const hub = await startServer('hub', beside)
  await importInto(beside, 'beside a hub, until it has all')
  await hub.stop()
} finally {
  rmSync(folder, { recursive: true })
}
