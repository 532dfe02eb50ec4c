import * as E from '#fp/Either'
import { parseInstant } from '../../domain/instant.ts'
import type { JsonObject } from '../../domain/json.ts'
import { newMessageShape } from '../../domain/message-shapes.ts'
import type { InvalidPart } from '../../domain/rejection.ts'
import { invalidPartsOf } from '../../domain/resource.ts'
import { type HubAccess, type HubOptions, hubAccessOf } from '../hub/access.ts'

/** The options of `send` as they were written. */
export interface SendOptions extends HubOptions {
  readonly to?: string
  readonly type?: string
  readonly subject?: string
  readonly contentType?: string
  readonly expires?: string
  readonly replyTo?: string
  readonly idempotencyKey?: string
  readonly file?: string
  readonly json?: boolean
}

export interface SendRequest {
  readonly hub: HubAccess
  /** What the message says besides its body. */
  readonly head: JsonObject
  readonly contentType: string | undefined
  /** `-` is standard input. */
  readonly file: string
  readonly idempotencyKey: string | undefined
  readonly json: boolean
}

const listed = (text: string): readonly string[] => [
  ...new Set(
    text
      .split(',')
      .map(one => one.trim())
      .filter(one => one !== ''),
  ),
]

const kebabCase = (name: string): string => name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)

/** What is wrong with a message, by the options it was made of. */
export const optionProblem = (part: InvalidPart): string => {
  const [name, detail] =
    'pointer' in part
      ? [part.pointer.split('/')[1] ?? '', part.detail]
      : ['header' in part ? part.header.toLowerCase() : part.parameter, part.detail]
  return name === '' || name === 'body' ? `--file: ${detail}` : `--${kebabCase(name)}: ${detail}`
}

/** Reads the options; gives everything that is wrong with them. */
export const sendRequestOf = (
  options: SendOptions,
  environment: Readonly<Record<string, string | undefined>>,
): E.Either<readonly string[], SendRequest> => {
  const { url, to, type, subject, contentType, expires, replyTo, idempotencyKey, file } = options
  const hub = hubAccessOf(options, environment)
  const head: JsonObject = {
    to: listed(to ?? ''),
    type: type ?? '',
    ...(subject === undefined ? {} : { subject }),
    ...(expires === undefined ? {} : { expires }),
    ...(replyTo === undefined ? {} : { replyTo }),
  }
  const form = { ...head, content: true, ...(contentType === undefined ? {} : { contentType }) }
  const isPast = expires !== undefined && (parseInstant(expires) ?? '9') <= new Date().toISOString()
  const problems = [
    ...(url === undefined ? ['--url: must name a hub, such as https://hub.example.org'] : []),
    ...(E.isLeft(hub) ? hub.left : []),
    ...invalidPartsOf(newMessageShape, form).map(optionProblem),
    ...(isPast ? ['--expires: must be in the future'] : []),
    ...(idempotencyKey !== undefined && !/^[\x21-\x7e]{1,128}$/.test(idempotencyKey)
      ? ['--idempotency-key: must be 1 to 128 visible ASCII characters']
      : []),
    ...(file === undefined || file === '' ? ['--file: must name a file, or - for standard input'] : []),
    ...(file === '-' && options.clientSecretStdin === true
      ? ['--client-secret-stdin: not together with --file -']
      : []),
  ]
  return E.isLeft(hub) || hub.right === undefined || file === undefined || problems.length > 0
    ? E.left(problems)
    : E.right({ hub: hub.right, head, contentType, file, idempotencyKey, json: options.json === true })
}
