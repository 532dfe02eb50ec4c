import type { Command } from 'commander'
import * as E from '#fp/Either'
import type { AddCommand, WithConfig } from './command.ts'
import { untilEndRequested } from './end-request.ts'
import { hubCommand, withSecret } from './hub/credential-options.ts'
import { type SendOptions, sendRequestOf } from './messages/send-request.ts'
import { send } from './messages/sending.ts'
import { complain, say } from './operator.ts'

/** `send`: a message to other nodes, for a node without a program of its own. */
export const sendCommand = (program: Command, command: AddCommand, withConfig: WithConfig): void => {
  hubCommand(command(program, 'send', 'send a message to other nodes through a hub'))
    .option('--to <nodes>', 'client ids of the nodes that get it, comma-separated')
    .option('--type <type>', 'what kind of message it is, such as order')
    .option('--subject <text>', 'what it is about')
    .option('--file <file>', 'what it says; - is standard input')
    .option('--content-type <type>', 'the media type of the file (default: by its name, JSON or bytes)')
    .option('--expires <time>', 'when it is given to nobody any more (RFC 3339)')
    .option('--reply-to <id>', 'the message that it answers')
    .option('--idempotency-key <key>', 'sends nothing twice, however often it is run (default: a random one)')
    .option('--json', 'print the whole message instead of its id')
    .addHelpText('after', help)
    .action((options: SendOptions & Readonly<Record<string, unknown>>) => {
      const request = sendRequestOf(options, process.env)
      return withConfig(
        options,
        async () => {
          if (E.isLeft(request)) return complain(2, request.left.join('\n'))
          const ending = new AbortController()
          void untilEndRequested().then(() => ending.abort())
          const hub = await withSecret(request.right.hub)
          return send(
            { ...request.right, hub },
            { say, complain: sentence => complain(1, sentence), signal: ending.signal },
          )
        },
        ofSettings => [...ofSettings, ...(E.isLeft(request) ? request.left : [])],
      )
    })
}

const help = `
An order to a laboratory, by a node that holds messages:send:

  export THALAMUS_CLIENT_SECRET=…
  npm run -s thalamus -- send --url https://hub.example.org --client-id gral-hospital --to lab --type order --file order.json

It prints the id of the message. A file whose type or name says JSON is the message's body; anything else, and JSON that is
longer than a request may be, goes as bytes of its own, up to what the hub takes. While the hub is away or busy it tries
again, for two minutes; the message is sent once all the same.`
