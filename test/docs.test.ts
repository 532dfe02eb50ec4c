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
