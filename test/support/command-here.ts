import { vi } from 'vitest'
import type { Ended } from './process.ts'

let runs = 0

/**
 * Runs a command of the command line in this process: for what ends before it opens or reads anything, where a process for
 * each case would only load the same sources again. One at a time.
 */
export const runHere = async (
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> => {
  runs += 1
  const { argv, exitCode, env } = process
  const written = { out: '', err: '' }
  const collect = (stream: 'stdout' | 'stderr', as: 'out' | 'err') =>
    vi.spyOn(process[stream], 'write').mockImplementation(text => {
      written[as] += String(text)
      return true
    })
  const spies = [collect('stdout', 'out'), collect('stderr', 'err')]
  process.env = { ...env, ...environment }
  process.argv = [process.execPath, 'cli/main.ts', ...parameters]
  try {
    // The program runs when it is loaded: under another address, it is loaded again.
    await import(`../../cli/program.ts?run=${runs}`)
    return { code: Number(process.exitCode), ...written }
  } finally {
    for (const spy of spies) spy.mockRestore()
    process.argv = argv
    process.env = env
    process.exitCode = exitCode
  }
}
