import { readFileSync } from 'node:fs'
import * as E from '#fp/Either'

/** The options that name a hub and who asks it, as they were written. */
export interface HubOptions {
  readonly url?: string
  readonly tokenFile?: string
  readonly clientId?: string
  readonly clientSecretStdin?: boolean
}

/** How a command proves to a hub who it is. A secret is never among the arguments, which every user can list. */
export type HubCredentials =
  | { readonly is: 'token'; readonly token: string }
  /** Read again for each request: another program may renew it. */
  | { readonly is: 'token file'; readonly file: string }
  /** The secret is on standard input where none is given. */
  | { readonly is: 'client'; readonly id: string; readonly secret: string | undefined }

export interface HubAccess {
  /** The origin, without a slash at its end. */
  readonly url: string
  readonly credentials: HubCredentials
}

export const tokenVariable = 'THALAMUS_TOKEN'
export const secretVariable = 'THALAMUS_CLIENT_SECRET'

/** The token in a file, as far as it can be read. */
export const tokenIn = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return undefined
  }
}

const originOf = (text: string): string | undefined => {
  const url = URL.parse(text)
  const isOrigin = url !== null && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === ''
  return isOrigin && url.username === '' && url.password === '' ? url.origin : undefined
}

const named = (text: string | undefined): string | undefined => (text === '' ? undefined : text)

/** The hub that the options name; undefined where they name none. Gives everything that is wrong with them. */
export const hubAccessOf = (
  { url, tokenFile, clientId, clientSecretStdin }: HubOptions,
  environment: Readonly<Record<string, string | undefined>>,
): E.Either<readonly string[], HubAccess | undefined> => {
  const others = [
    ...(tokenFile === undefined ? [] : ['--token-file']),
    ...(clientId === undefined ? [] : ['--client-id']),
    ...(clientSecretStdin === true ? ['--client-secret-stdin'] : []),
  ]
  if (url === undefined)
    return others.length === 0
      ? E.right(undefined)
      : E.left([`${others.join(', ')}: only together with --url`])
  const problems: string[] = []
  const origin = originOf(url)
  if (origin === undefined)
    problems.push('--url: must be the origin of a hub, such as https://hub.example.org')
  const [token, secret] = [named(environment[tokenVariable]), named(environment[secretVariable])]
  let credentials: HubCredentials | undefined
  if (clientId !== undefined) {
    if (tokenFile !== undefined) problems.push('--token-file: not together with --client-id')
    if (clientSecretStdin !== true && secret === undefined)
      problems.push(
        `--client-id: needs its secret, in ${secretVariable} or on standard input with --client-secret-stdin`,
      )
    credentials = { is: 'client', id: clientId, secret: clientSecretStdin === true ? undefined : secret }
  } else {
    if (clientSecretStdin === true) problems.push('--client-secret-stdin: only together with --client-id')
    if (tokenFile !== undefined) {
      if (!tokenIn(tokenFile)) problems.push('--token-file: must be a file that holds an access token')
      credentials = { is: 'token file', file: tokenFile }
    } else if (token !== undefined) credentials = { is: 'token', token }
    else
      problems.push(
        `--url: needs an access token, in --token-file or ${tokenVariable}, or a node’s --client-id`,
      )
  }
  return origin === undefined || credentials === undefined || problems.length > 0
    ? E.left(problems)
    : E.right({ url: origin, credentials })
}
