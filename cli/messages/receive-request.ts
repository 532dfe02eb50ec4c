import * as E from '#fp/Either'
import { type HubAccess, type HubOptions, hubAccessOf } from '../hub/access.ts'

/** The options of `receive` as they were written. */
export interface ReceiveOptions extends HubOptions {
  readonly out?: string
  readonly type?: readonly string[]
  readonly once?: boolean
  readonly json?: boolean
}

export interface ReceiveRequest {
  readonly hub: HubAccess
  readonly out: string
  /** None: every type. */
  readonly types: readonly string[] | undefined
  readonly once: boolean
  readonly json: boolean
}

/** Reads the options; gives everything that is wrong with them. */
export const receiveRequestOf = (
  options: ReceiveOptions,
  environment: Readonly<Record<string, string | undefined>>,
): E.Either<readonly string[], ReceiveRequest> => {
  const { url, out, type: types, once, json } = options
  const hub = hubAccessOf(options, environment)
  const problems = [
    ...(url === undefined ? ['--url: must name a hub, such as https://hub.example.org'] : []),
    ...(E.isLeft(hub) ? hub.left : []),
    ...(out === undefined || out === '' ? ['--out: must name a folder'] : []),
    ...(types?.some(type => type.trim() === '') ? ['--type: must name a type of message'] : []),
  ]
  return E.isLeft(hub) || hub.right === undefined || out === undefined || problems.length > 0
    ? E.left(problems)
    : E.right({ hub: hub.right, out, types, once: once === true, json: json === true })
}
