import type { Command } from 'commander'
import * as E from '#fp/Either'
import type { AddCommand, WithConfig } from './command.ts'
import { untilEndRequested } from './end-request.ts'
import { hubCommand, withSecret } from './hub/credential-options.ts'
import { type ReceiveOptions, receiveRequestOf } from './messages/receive-request.ts'
import { receive } from './messages/receiving.ts'
import { complain } from './operator.ts'

/** Writes a line to standard output; false once nobody reads it. */
const sayLine = (line: string): Promise<boolean> =>
  new Promise(resolve => process.stdout.write(`${line}\n`, error => resolve(!(error instanceof Error))))

/** `receive`: the messages to a node as files, for a node without a program of its own. */
export const receiveCommand = (program: Command, command: AddCommand, withConfig: WithConfig): void => {
  hubCommand(command(program, 'receive', 'write the messages to this node into a folder, as they come'))
    .option('--out <folder>', 'the folder; it is made where there is none')
    .option('--type <type...>', 'only messages of these types; others go on waiting')
    .option('--once', 'take what waits, and end')
    .option('--json', 'print a line of JSON for each message instead of its file')
    .addHelpText('after', help)
    .action((options: ReceiveOptions & Readonly<Record<string, unknown>>) => {
      const request = receiveRequestOf(options, process.env)
      return withConfig(
        options,
        async () => {
          if (E.isLeft(request)) return complain(2, request.left.join('\n'))
          const ending = new AbortController()
          void untilEndRequested().then(() => ending.abort())
          // Without a listener the error would end the process.
          process.stdout.on('error', () => undefined)
          const hub = await withSecret(request.right.hub)
          return receive(
            { ...request.right, hub },
            { say: sayLine, complain: sentence => complain(1, sentence), signal: ending.signal },
          )
        },
        ofSettings => [...ofSettings, ...(E.isLeft(request) ? request.left : [])],
      )
    })
}

const help = `
The laboratory takes its orders, by a node that holds messages:read, until Ctrl-C:

  export THALAMUS_CLIENT_SECRET=…
  npm run -s thalamus -- receive --url https://hub.example.org --client-id lab --out ./inbox

Each message is a file, TIME-ID.json, and its content, where it has bytes of its own, TIME-ID.content beside it. A message is
acknowledged only once both are on the disk; one that is there already, because this was ended in between, is not written
again. Its name is printed when it is there. While the hub is away it tries again, for ever; with --once for two minutes.`
