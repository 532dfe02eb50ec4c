import { readFileSync, writeFileSync } from 'node:fs'

const file = new URL('./results.md', import.meta.url)
const headingOf = (script: string): string => `# Results of \`npm run ${script}\`\n`

/** Puts the results of a script into their section of `results.md`, a new one last; the other sections stay. */
export const writeResults = (script: string, text: string): void => {
  const present = readFileSync(file, 'utf8')
  const section = `${headingOf(script)}\n${text.trimEnd()}\n`
  const start = present.indexOf(headingOf(script))
  if (start < 0) {
    writeFileSync(file, `${present.trimEnd()}\n\n${section}`)
    return
  }
  const end = present.indexOf('\n# ', start)
  writeFileSync(file, `${present.slice(0, start)}${section}${end < 0 ? '' : present.slice(end)}`)
}
