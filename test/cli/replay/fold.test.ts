import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadFold } from '../../../cli/replay/fold.ts'
import { left } from '../../support/either.ts'
import { pageWritten, personRegistered } from '../../support/events.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { openTestLog } from '../../support/replay.ts'

const folder = temporaryFolder()
writeFileSync(join(folder.path, 'package.json'), '{"type": "module"}')
afterAll(() => folder.remove())

let files = 0
const foldFile = (text: string): string => {
  files += 1
  const file = join(folder.path, `fold-${files}.ts`)
  writeFileSync(file, text)
  return file
}

let test: Awaited<ReturnType<typeof openTestLog>>
beforeAll(async () => {
  test = await openTestLog()
  await test.append('person-ANA', personRegistered('ANA'))
  await test.append('page-ANA:p1', pageWritten('ANA', 'p1'))
})

describe('a fold over the history', () => {
  it('is given each event as the feed shows it, and its last state is printed', async () => {
    const reduce = foldFile(`
      interface Event { readonly type: string; readonly person?: string }
      export const initial: readonly string[] = []
      export const apply = (state: readonly string[], { type, person }: Event) => [...state, type + ' of ' + person]`)
    const { code, out, err } = await test.replay({ reduce, stream: 'page-ANA:p1' })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(JSON.parse(out)).toEqual(['PageWritten of ANA'])
  })

  it('makes its result with `result`, and may take its time', async () => {
    const reduce = foldFile(`
      export const initial = new Map()
      export const apply = async (state, { resource }) => state.set(resource, (state.get(resource) ?? 0) + 1)
      export const result = state => Object.fromEntries(state)`)
    const { out } = await test.replay({ reduce, types: 'PersonRegistered,PageWritten' })
    expect(JSON.parse(out)).toEqual({ people: 1, pols: 1 })
  })

  it('that breaks says its own error, where in its file, and at which event', async () => {
    const reduce = foldFile(`export const initial = 0
export const apply = (state, event) => {
  if (event.type === 'PageWritten') throw new RangeError('no such month')
  return state
}`)
    const { code, out, err } = await test.replay({ reduce })
    const { id } = test.core.ports.identity
    expect({ code, out, err }).toEqual({
      code: 1,
      out: '',
      err: `The fold failed at the event ${id}-0-3 (PageWritten, revision 0 of page-ANA:p1), line 3: RangeError: no such month\n`,
    })
  })

  it.each([
    ['export const result = () => { throw new Error("empty") }', 'Error: empty'],
    ['export const result = () => undefined', 'nothing that JSON can say'],
    ['export const result = () => 1n', 'TypeError'],
    ['export const result = () => new Map()', 'is a Map'],
  ])('whose %s says so', async (result, problem) => {
    const reduce = foldFile(`export const initial = 0; export const apply = state => state; ${result}`)
    const { code, out, err } = await test.replay({ reduce })
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toContain(problem)
  })

  it.each([
    ['export const apply = state => state', 'exports no `initial`'],
    ['export const initial = 0', 'exports no function `apply`'],
    ['export const initial = 0; export const apply = 1', 'exports no function `apply`'],
    [
      'export const initial = 0; export const apply = state => state; export const result = 1',
      'a `result` that is no function',
    ],
    ['export const initial = ;', 'cannot be loaded'],
    ['throw new Error("not today")', 'Error: not today'],
  ])('is none where the file says %s', async (text, problem) => {
    const sentence = await left(loadFold(foldFile(text)))
    expect(sentence).toContain(problem)
    expect(sentence).toContain('It must export `initial`')
  })

  it('is none where there is no file', async () => {
    expect(await left(loadFold('/nowhere.ts'))).toContain('there is no file /nowhere.ts. It must export')
  })
})
