import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

export const residentBytes = (pid: number): number => {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes ?? 0) * 1024
}

/** Seconds of processor time that a process has used so far, at the usual 100 ticks a second. */
export const processorSeconds = (pid: number): number => {
  const [utime, stime] = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
    .slice(11, 13)
  return (Number(utime) + Number(stime)) / 100
}

export const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`

const lookMilliseconds = 100

export interface Resident {
  readonly before: number
  /** At most while the first tenth of the time passes, and after it. */
  readonly atFirst: number
  readonly later: number
}

/** The memory that a process has while the work goes on, in bytes. */
export const residentDuring = async (pid: number, work: Promise<unknown>): Promise<Resident> => {
  const before = residentBytes(pid)
  const samples: number[] = []
  const done = work.then(
    () => true,
    () => true,
  )
  while (!(await Promise.race([done, pause(lookMilliseconds, false)]))) samples.push(residentBytes(pid))
  await work
  const first = Math.ceil(samples.length / 10)
  return {
    before,
    atFirst: Math.max(...samples.slice(0, first)),
    later: Math.max(...samples.slice(first)),
  }
}
