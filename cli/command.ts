import type { Command } from 'commander'
import type { Config, GivenSettings } from '../config.ts'

/** A command's end: 0 done, 1 refused by a rule or failed, 2 a wrong option or form. */
export type ExitCode = 0 | 1 | 2

export type Run = (config: Config, given: GivenSettings) => Promise<ExitCode>
/** `serves`: its help shows the settings of serving, too. */
export type AddCommand = (parent: Command, usage: string, description: string, serves?: 'serves') => Command
export type WithConfig = (
  options: Readonly<Record<string, unknown>>,
  run: Run,
  allProblems?: (ofSettings: readonly string[]) => readonly string[],
) => Promise<void>
