import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { temporaryFolder } from './folder.ts'
import { commandsIn, guideText, sectionOf } from './guide.ts'
import { type Machine, type RunOptions, startMachine } from './machine.ts'

/** What belongs to the distribution, and the authority that gives certificates, are not on a test's machine. */
const isElsewhere = (block: string): boolean => /^(apt-get|certbot) /.test(block)

/** The commands of a section of a guide in docs/operations that a machine can run, as printed. */
export const operatorCommands = (guide: string, section: string): readonly string[] =>
  commandsIn(sectionOf(guideText(`docs/operations/${guide}`), section)).filter(block => !isElsewhere(block))

/** A machine whose operator follows the guides. */
export interface GuidedMachine {
  /** Runs commands, which must succeed; gives what they print. Variables that a block of a guide sets are there in all. */
  readonly run: (block: string, options?: RunOptions) => Promise<string>
  /** Runs commands that may fail. */
  readonly attempt: Machine['run']
  /** Takes over what npm has installed on another one: the guide's command finds it there, and fetches nothing again. */
  readonly installAs: (other: GuidedMachine) => void
  readonly root: string
  readonly remove: () => Promise<void>
}

const variables = `EXAMPLES=/opt/thalamus/current/node_modules/thalamus/docs/examples
PASSWORD=freedom
`

/** The package of the sources, made once for all that a test file starts. */
export const packedSources = (): Buffer => {
  const folder = temporaryFolder()
  const root = fileURLToPath(new URL('../..', import.meta.url))
  execFileSync('npm', ['pack', '--pack-destination', folder.path], { cwd: root, stdio: 'ignore' })
  const packed = readFileSync(join(folder.path, `thalamus-${manifest.version}.tgz`))
  folder.remove()
  return packed
}

/** Starts a machine with the package in its /root. */
export const startGuidedMachine = async (packed: Buffer): Promise<GuidedMachine> => {
  const machine = await startMachine()
  const run = async (block: string, options?: RunOptions): Promise<string> => {
    const { code, out, err } = await machine.run(variables + block, options)
    expect(code, `${block}\n${out}\n${err}`).toBe(0)
    return out
  }
  await run(`cat > thalamus-${manifest.version}.tgz`, { input: packed })
  const { root } = machine
  return {
    run,
    attempt: machine.run,
    installAs: other => {
      execFileSync('cp', ['--archive', `${other.root}/opt/thalamus`, `${root}/opt/`])
    },
    root,
    remove: machine.remove,
  }
}
