import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const textOf = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
const guides = readdirSync(new URL('../docs', import.meta.url), { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.md'))
  .map(file => `docs/${file}`)

describe.each(guides)('%s', guide => {
  const text = textOf(guide)

  it('shows code as it stands', () => {
    const excerpts = [...text.matchAll(/^```ts (\S+)\n([\s\S]*?)^```$/gm)]
    for (const [, file = '', excerpt = ''] of excerpts) expect(textOf(file)).toContain(excerpt)
    // A block that names no file could say anything.
    expect(text.match(/^```ts/gm)?.length ?? 0).toBe(excerpts.length)
  })

  it('links to files that exist', () => {
    const folder = new URL(`../${guide}`, import.meta.url)
    for (const [, path = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)/g))
      expect(existsSync(new URL(path, folder)), path).toBe(true)
  })
})

it.each([
  ['docs/adding-a-resource.md', 4],
  ['docs/adding-a-read-model.md', 7],
])('%s has its excerpts', (guide, excerpts) => {
  expect(textOf(guide).match(/^```ts \S+$/gm)).toHaveLength(excerpts)
})

describe('the way of a request from end to end', () => {
  const text = textOf('docs/a-request-end-to-end.md').replaceAll(/\s+/g, ' ')
  const steps = [...text.matchAll(/\[`([\w./-]+\.ts)`\]\([^)]+\)((?: `\w+`)+)/g)].map(
    ([, file = '', names = '']) => [file, names.trim().replaceAll('`', '').split(' ')] as const,
  )

  it.each(steps)('goes through %s: %j', (file, names) => {
    for (const name of names)
      expect(textOf(file)).toMatch(new RegExp(`\\b(const|function|interface|type) ${name}\\b`))
  })

  it('names a function of each file that it links', () => {
    expect(steps.length).toBe(text.match(/\[`[\w./-]+\.ts`\]/g)?.length)
    expect(steps.length).toBeGreaterThan(25)
  })
})
