import { readFileSync } from 'node:fs'

/** The lines of a test that the README prints, between the two comments that say so, as far to the left as there. */
export const excerptOf = (test: string): string => {
  const lines = readFileSync(new URL(test), 'utf8')
    .split('// As printed in the README.\n')[1]
    ?.split(/^ *\/\/ So far\.$/m)[0]
  return (lines ?? '').replaceAll(/^ {2}/gm, '')
}

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

/** The blocks of a language in a section of the README. */
export const readmeBlocks = (section: string, language: string): readonly string[] => {
  const text = readme.split(`\n## ${section}\n`)[1]?.split('\n## ')[0] ?? ''
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    match => match[1] ?? '',
  )
}
