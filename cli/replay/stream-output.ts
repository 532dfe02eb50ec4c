import type { Writable } from 'node:stream'
import * as E from '#fp/Either'
import type { LineFormat } from './formats.ts'
import { type Output, type WriteFailure, writeFailureOf } from './output.ts'

/** Lines to standard output, no faster than they are taken. The head is written with the first event, or at the end. */
export const streamOutput = (stream: Writable, format: LineFormat): Output => {
  let failure: WriteFailure | undefined
  let head = format.head
  // Without a listener the error would end the process.
  stream.on('error', error => {
    failure ??= writeFailureOf(error)
  })
  const write = (text: string): Promise<E.Either<WriteFailure, void>> =>
    new Promise(resolve => {
      if (failure !== undefined) resolve(E.left(failure))
      else if (text === '') resolve(E.right(undefined))
      else
        stream.write(text, error =>
          resolve(error === null || error === undefined ? E.right(undefined) : E.left(writeFailureOf(error))),
        )
    })
  const withHead = (text: string): string => {
    const whole = head + text
    head = ''
    return whole
  }
  return {
    last: undefined,
    write: events => write(events.length === 0 ? '' : withHead(format.textOf(events))),
    leave: async () => {},
    close: () => write(withHead('')),
  }
}
