import type { Request, Response } from 'express'

const readAnyhow = 1024 * 1024
const silentMilliseconds = 1_000
const mostMilliseconds = 10_000

/** For a body that nobody reads, or that an open route reads. */
export const bodyMilliseconds = 10_000

const solicited = new WeakSet<Response>()

const waitsToBeAsked = ({ headers }: Request, response: Response): boolean =>
  headers.expect?.toLowerCase() === '100-continue' && !solicited.has(response)

/** Tells a client that waits for it to send the body (RFC 9110, section 10.1.1): to be called before a body is read. */
export const askForBody = (request: Request, response: Response): void => {
  if (!waitsToBeAsked(request, response)) return
  solicited.add(response)
  response.writeContinue()
}

/**
 * What there is of a body that nobody read: nothing or little, one that the client holds back, or one that may go on
 * coming for long.
 */
export const unreadOf = (request: Request, response: Response): 'little' | 'held back' | 'coming' => {
  if (request.complete) return 'little'
  if (waitsToBeAsked(request, response)) return 'held back'
  const { 'transfer-encoding': coding, 'content-length': length } = request.headers
  return coding !== undefined || Number(length ?? 0) > readAnyhow ? 'coming' : 'little'
}

/** Discards what still comes of a body, so that the next request of the connection can be read; ends the connection after 10 s. */
export const discardBody = (request: Request): void => {
  const timer = setTimeout(() => request.destroy(), bodyMilliseconds)
  request.once('close', () => clearTimeout(timer))
  request.resume()
}

/**
 * Lets what still comes of a body go by, until the client has read the answer and stops: a connection closed while bytes
 * are under way takes the answer with it (RFC 9112, section 9.6). For a second of silence, or ten in all, at most.
 */
export const letPass = (request: Request): Promise<void> =>
  new Promise(resolve => {
    const done = () => {
      clearTimeout(silence)
      clearTimeout(most)
      resolve()
    }
    const silence = setTimeout(done, silentMilliseconds)
    const most = setTimeout(done, mostMilliseconds)
    request
      .on('data', () => silence.refresh())
      .once('end', done)
      .once('close', done)
  })
