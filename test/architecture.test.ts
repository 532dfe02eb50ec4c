import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

interface Import {
  readonly from: string
  readonly to: string
  readonly typeOnly: boolean
}

const folders = ['domain', 'commands', 'projections', 'relay', 'auth', 'metrics', 'api', 'stores', 'cli']
const sources = [
  ...folders
    .filter(folder => existsSync(join(root, folder)))
    .flatMap(folder =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter(file => file.endsWith('.ts'))
        .map(file => `${folder}/${file}`),
    ),
  ...readdirSync(root).filter(file => file.endsWith('.ts') && file !== 'vitest.config.ts'),
]

const importForm = /^(?:import|export)\s(?:(type)\s)?([^'"]*?)\sfrom\s'([^']+)'/gms

/** `import { type A, type B }` imports types only, as `import type` does. */
const namesTypesOnly = (names: string): boolean =>
  /^\{[^}]*\}$/.test(names.trim()) &&
  names
    .replace(/[{}]/g, '')
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '')
    .every(name => name.startsWith('type '))

const importsOf = (file: string): readonly Import[] =>
  [...readFileSync(join(root, file), 'utf8').matchAll(importForm)].map(([, type, names = '', to = '']) => ({
    from: file,
    to: to.startsWith('.') ? relative(root, join(root, dirname(file), to)) : to,
    typeOnly: type !== undefined || namesTypesOnly(names),
  }))

const imports = sources.flatMap(importsOf)
const isOurs = ({ to }: Import): boolean => to.endsWith('.ts') || to.endsWith('.json')
const folderOf = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : file)

/** What each folder may import: `type:` only types of it. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  commands: ['domain'],
  projections: ['domain'],
  relay: ['domain', 'projections', 'type:commands', 'type:auth'],
  auth: ['domain', 'type:commands', 'type:projections'],
  metrics: ['type:domain', 'type:commands', 'type:projections', 'type:relay', 'type:auth'],
  api: ['domain', 'commands', 'projections', 'relay', 'auth', 'type:metrics', 'package.json'],
  stores: ['domain', 'type:commands', 'type:projections', 'type:auth', 'type:relay'],
  'config.ts': ['auth', 'stores'],
  'engines.ts': ['stores', 'config.ts', 'auth', 'type:commands', 'type:projections', 'type:relay'],
  'start-failure.ts': [
    'engines.ts',
    'domain',
    'type:config.ts',
    'type:auth',
    'type:projections',
    'type:stores',
  ],
  'listening.ts': ['start-failure.ts'],
  'metrics-listener.ts': ['api', 'listening.ts', 'type:core.ts'],
  'logger.ts': ['type:config.ts'],
  'events.ts': ['type:domain', 'type:projections'],
  'backups.ts': ['stores', 'checking.ts', 'core.ts', 'start-failure.ts', 'type:config.ts'],
  'checking.ts': [
    'domain',
    'stores',
    'engines.ts',
    'start-failure.ts',
    'commands',
    'projections',
    'auth',
    'type:config.ts',
  ],
  'moving.ts': ['stores', 'engines.ts', 'start-failure.ts', 'type:config.ts'],
  'core.ts': [
    'domain',
    'commands',
    'projections',
    'auth',
    'api',
    'metrics',
    'stores',
    'engines.ts',
    'start-failure.ts',
    'type:config.ts',
    'type:relay',
    'package.json',
  ],
  'erasures.ts': ['domain', 'commands', 'projections', 'auth', 'type:core.ts', 'type:read-side.ts'],
  'read-side.ts': ['domain', 'projections', 'metrics', 'api', 'start-failure.ts', 'type:core.ts'],
  'housekeeping.ts': ['projections', 'auth', 'api', 'erasures.ts', 'type:core.ts', 'type:read-side.ts'],
  'certificate-renewal.ts': ['api', 'type:config.ts'],
  'serving.ts': [
    'listening.ts',
    'certificate-renewal.ts',
    'domain',
    'commands',
    'projections',
    'auth',
    'metrics',
    'api',
    'start-failure.ts',
    'type:config.ts',
    'type:core.ts',
    'type:relay',
    'type:read-side.ts',
  ],
  'relaying.ts': [
    'domain',
    'projections',
    'relay',
    'auth',
    'metrics',
    'api',
    'start-failure.ts',
    'type:core.ts',
  ],
  'main.ts': [
    'metrics-listener.ts',
    'relaying.ts',
    'read-side.ts',
    'housekeeping.ts',
    'serving.ts',
    'erasures.ts',
    'type:auth',
    'start-failure.ts',
    'type:core.ts',
  ],
  cli: [
    'domain',
    'commands',
    'projections',
    'relay',
    'auth',
    'metrics',
    'api',
    'config.ts',
    'logger.ts',
    'core.ts',
    'backups.ts',
    'checking.ts',
    'moving.ts',
    'start-failure.ts',
    'main.ts',
    'type:read-side.ts',
  ],
}

const mayImport = ({ from, to, typeOnly }: Import): boolean => {
  const [source, target] = [folderOf(from), folderOf(to)]
  const list = allowed[source] ?? []
  return source === target || list.includes(target) || (typeOnly && list.includes(`type:${target}`))
}

/** The one folder in which each driver may be imported. */
const drivers: Readonly<Record<string, string>> = {
  'node:sqlite': 'stores/sqlite/',
  mongodb: 'stores/mongodb/',
  '@eventstore/db-client': 'stores/eventstoredb/',
  express: 'api/',
  undici: 'relay/',
  standardwebhooks: 'relay/',
  'prom-client': 'metrics/',
  pg: 'cli/migrate/',
}

describe('the sources', () => {
  it('import only what the table of the folders allows', () => {
    const wrong = imports.filter(isOurs).filter(one => !mayImport(one))
    expect(wrong.map(({ from, to }) => `${from} → ${to}`)).toEqual([])
  })

  it('keep the domain free of everything but zod and fp-ts', () => {
    const foreign = imports.filter(one => folderOf(one.from) === 'domain' && !isOurs(one))
    expect(foreign.filter(({ to }) => to !== 'zod' && !to.startsWith('#fp/'))).toEqual([])
  })

  it('have one style of failure: what can fail gives a promise of an Either, and nothing is run later', () => {
    expect(imports.filter(({ to }) => /^#fp\/(TaskEither|Task|IO|IOEither|Reader.*)$/.test(to))).toEqual([])
  })

  it('import each driver in its one folder', () => {
    const strays = imports.filter(({ from, to }) => {
      const home = drivers[to]
      return home !== undefined && !from.startsWith(home)
    })
    expect(strays).toEqual([])
  })

  it('know the stores where the hub is put together only', () => {
    const others = imports.filter(({ from, to }) => to.startsWith('stores/') && !from.startsWith('stores/'))
    expect([...new Set(others.map(({ from }) => from))].sort()).toEqual([
      'backups.ts',
      'checking.ts',
      'config.ts',
      'core.ts',
      'engines.ts',
      'moving.ts',
      'start-failure.ts',
    ])
  })

  it('take from the api, in the import, the words of refusals only', () => {
    const taken = imports.filter(({ from, to }) => from.startsWith('cli/import') && to.startsWith('api/'))
    expect([...new Set(taken.map(({ to }) => to))]).toEqual(['api/http/problem.ts'])
  })

  it('ask in no place but the files of people whether a resource is people', () => {
    const own = ['domain/people.ts', 'domain/account.ts', 'auth/people.ts']
    const asking = sources.filter(file => /[!=]==\s*people\b/.test(readFileSync(join(root, file), 'utf8')))
    expect(asking.filter(file => !own.includes(file) && !file.startsWith('api/people/'))).toEqual([])
  })

  it('have no circles between files, types included', () => {
    const next = new Map(
      sources.map(file => [file, imports.filter(one => one.from === file).map(({ to }) => to)]),
    )
    const reaches = (from: string, goal: string, seen = new Set<string>()): boolean =>
      (next.get(from) ?? []).some(file => {
        if (file === goal) return true
        if (seen.has(file)) return false
        seen.add(file)
        return reaches(file, goal, seen)
      })
    expect(sources.filter(file => reaches(file, file))).toEqual([])
  })

  it('keep the files of api/ in folders that say what they are for', () => {
    const inApi = sources.filter(file => folderOf(file) === 'api')
    const loose = inApi.filter(file => file.split('/').length === 2)
    expect(loose).toEqual(['api/app.ts', 'api/dependencies.ts'])
    const rooms = new Set(inApi.map(file => file.split('/')[1] ?? '').filter(name => !name.endsWith('.ts')))
    const families = [...rooms].filter(room => room !== 'http' && room !== 'description')
    for (const family of families) expect(sources).toContain(`api/${family}/routes.ts`)
  })
})
