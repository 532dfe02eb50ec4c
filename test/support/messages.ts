import type { ExitCode } from '../../cli/command.ts'
import { type ReceiveOptions, receiveRequestOf } from '../../cli/messages/receive-request.ts'
import { receive } from '../../cli/messages/receiving.ts'
import { type SendOptions, sendRequestOf } from '../../cli/messages/send-request.ts'
import { send } from '../../cli/messages/sending.ts'
import type { Client } from './client.ts'
import { right } from './either.ts'
import type { TestHub } from './hub.ts'
import { bySecret, enroll, tokenOf, withToken } from './nodes.ts'

/** A node, the secret that a command has in its environment, and its requests. */
export interface MessagingNode {
  readonly id: string
  readonly secret: string
  readonly client: Client
}

export const messagingNode = async (
  hub: Pick<TestHub, 'url' | 'root'>,
  id: string,
  scopes: readonly string[] = ['messages:send', 'messages:read'],
): Promise<MessagingNode> => {
  const secret = await enroll(hub.root, id, scopes)
  return { id, secret, client: withToken(hub.url, await tokenOf(hub.url, id, bySecret(secret))) }
}

/** A message as a node is answered it. */
export interface AnsweredMessage {
  readonly id: string
  readonly body: unknown
  readonly contentType: string | null
  readonly content?: { readonly size: number; readonly sha256: string } | null
  readonly states: Readonly<Record<string, string>>
}

/** What waits for a node. */
export const waitingFor = async ({ client }: MessagingNode): Promise<readonly AnsweredMessage[]> => {
  const { json } = await client.get('/messages')
  return (json as { messages: readonly AnsweredMessage[] }).messages
}

export interface CommandEnd {
  readonly code: ExitCode
  readonly lines: readonly string[]
  readonly complaints: readonly string[]
}

interface Running {
  readonly signal?: AbortSignal
  readonly patience?: number
}

const more = ({ signal = new AbortController().signal, patience }: Running) => ({
  signal,
  ...(patience === undefined ? {} : { patience }),
})

/** Runs `send` as a node. */
export const sendAs = async (
  { id, secret }: Pick<MessagingNode, 'id' | 'secret'>,
  options: SendOptions,
  running: Running = {},
): Promise<CommandEnd> => {
  const environment = { THALAMUS_CLIENT_SECRET: secret }
  const request = await right(Promise.resolve(sendRequestOf({ ...options, clientId: id }, environment)))
  const [lines, complaints]: [string[], string[]] = [[], []]
  const code = await send(request, {
    say: line => lines.push(line),
    complain: sentence => complaints.push(sentence),
    ...more(running),
  })
  return { code, lines, complaints }
}

/** Runs `receive` as a node; with what it says while it runs. */
export const receiveAs = async (
  { id, secret }: Pick<MessagingNode, 'id' | 'secret'>,
  options: ReceiveOptions,
  {
    says = () => true,
    complains = () => {},
    ...running
  }: Running & {
    readonly says?: (line: string) => boolean
    readonly complains?: (sentence: string) => void
  } = {},
): Promise<CommandEnd> => {
  const environment = { THALAMUS_CLIENT_SECRET: secret }
  const request = await right(Promise.resolve(receiveRequestOf({ ...options, clientId: id }, environment)))
  const [lines, complaints]: [string[], string[]] = [[], []]
  const code = await receive(request, {
    say: async line => {
      lines.push(line)
      return says(line)
    },
    complain: sentence => {
      complaints.push(sentence)
      complains(sentence)
    },
    ...more(running),
  })
  return { code, lines, complaints }
}
