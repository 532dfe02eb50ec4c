import pino, { type Logger } from 'pino'
import type { Config } from './config.ts'

/** The structured log: one JSON object a line, on standard error. */
export const makeLogger = (level: Config['logLevel']): Logger =>
  pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: false }),
  )
