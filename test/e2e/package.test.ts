import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { temporaryFolder } from '../support/folder.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const modules = join(root, 'node_modules')

describe('the package', () => {
  const folder = temporaryFolder()
  const installed = join(folder.path, 'node_modules')
  beforeAll(() => {
    const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', folder.path], { cwd: root })
    const [{ filename }] = JSON.parse(packed.toString())
    mkdirSync(join(installed, 'thalamus'), { recursive: true })
    // As npm would install it, with what is installed here.
    execFileSync('tar', ['-xzf', filename, '-C', join(installed, 'thalamus'), '--strip-components', '1'], {
      cwd: folder.path,
    })
    for (const name of readdirSync(modules))
      if (!name.startsWith('.')) symlinkSync(join(modules, name), join(installed, name))
  })
  afterAll(() => folder.remove())

  const run = (...parameters: readonly string[]) =>
    execFileSync(join(installed, 'thalamus', manifest.bin.thalamus), parameters, {
      cwd: folder.path,
      env: { ...process.env, PATH: `${join(modules, '.bin')}:${process.env.PATH}` },
      input: 'freedom',
    }).toString()

  it('runs', () => {
    expect(run('--version')).toBe(`${manifest.version}\n`)
    const register = ['person', 'register', 'ROOT', '--roles', 'root', '--password-stdin']
    expect(run(...register, '--data-dir', 'data')).toContain('ROOT is registered')
  })

  it('has the types of events for folds over the history', () => {
    writeFileSync(
      join(folder.path, 'fold.ts'),
      `import type { FeedEntry, FeedEventType, Fold } from 'thalamus/events'
export const initial = new Map<string, number>()
export const apply: Fold<typeof initial>['apply'] = (counts, { type }: FeedEntry) =>
  counts.set(type, (counts.get(type) ?? 0) + 1)
const wanted: FeedEventType = 'PersonRegistered'
// @ts-expect-error
const unwanted: FeedEventType = 'NeverHappened'
export const result = (counts: typeof initial) => ({ [wanted]: counts.get(wanted), unwanted })
`,
    )
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024']
    execFileSync(join(modules, '.bin', 'tsc'), [...options, 'fold.ts'], { cwd: folder.path })
    expect(JSON.parse(run('replay', '--reduce', 'fold.ts', '--data-dir', 'data'))).toMatchObject({
      PersonRegistered: 1,
    })
  })

  it('holds nothing but what runs and what is read', () => {
    const top = readdirSync(join(installed, 'thalamus'))
    expect(top.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'docs', 'package.json'])
  })
})
