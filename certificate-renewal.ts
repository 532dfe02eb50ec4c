import { readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import { errorSummary } from './api/http/error-summary.ts'
import { setCertificate } from './api/http/server.ts'
import type { Tls } from './config.ts'

const lookMilliseconds = 10_000

/**
 * Takes the certificate anew when its files have changed, until the signal. Between the replacement of one file and that of the other the
 * two do not fit: then the present certificate is kept, and they are looked at again.
 */
export const renewCertificate = async (
  server: Server,
  tls: Tls,
  logger: Logger,
  signal: AbortSignal,
  milliseconds: number = lookMilliseconds,
): Promise<void> => {
  let present: { readonly cert: string; readonly key: string } = tls
  while (!signal.aborted) {
    await pause(milliseconds, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    try {
      const [cert, key] = await Promise.all([readFile(tls.certFile, 'utf8'), readFile(tls.keyFile, 'utf8')])
      if (cert === present.cert && key === present.key) continue
      setCertificate(server, { cert, key })
      present = { cert, key }
      logger.info('the certificate was taken anew')
    } catch (error) {
      logger.warn(errorSummary(error), 'the certificate cannot be taken anew: the present one is kept')
    }
  }
}
