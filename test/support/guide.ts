import { readFileSync } from 'node:fs'

/** The text of a guide, such as `docs/operations.md`. */
export const guideText = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

/** What a guide says under a heading, such as `## Install`, up to the next one of that level or above. */
export const sectionOf = (text: string, heading: string): string => {
  const [, section] = text.split(`\n${heading}\n`)
  if (section === undefined) throw new Error(`the guide has no ${heading}`)
  const level = heading.indexOf(' ')
  return section.split(new RegExp(`^#{1,${level}} `, 'm'))[0] ?? ''
}

/** The commands that a guide prints, block by block; those within a list without its indent. */
export const commandsIn = (text: string): readonly string[] =>
  [...text.matchAll(/^( *)```sh\n([\s\S]*?)^ *```$/gm)].map(([, indent = '', block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  )
