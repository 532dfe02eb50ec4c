import { buffer } from 'node:stream/consumers'
import type { Command } from 'commander'
import { type HubAccess, secretVariable, tokenVariable } from './access.ts'

/** The options by which a command proves to a hub who it is. */
export const credentialOptions = (command: Command): Command =>
  command
    .option('--token-file <file>', `the access token for it; also ${tokenVariable}`)
    .option('--client-id <id>', `or the node that asks; its secret is in ${secretVariable}`)
    .option('--client-secret-stdin', 'or on standard input')

/** A command that asks a hub and opens none: the settings of a hub are taken, and its help is about other things. */
export const hubCommand = (command: Command): Command => {
  for (const option of command.options) option.hideHelp()
  return credentialOptions(command.option('--url <url>', 'the hub, such as https://hub.example.org'))
}

/** The secret of a client from standard input, where it is to be there. */
export const withSecret = async (access: HubAccess): Promise<HubAccess> => {
  const { credentials } = access
  if (credentials.is !== 'client' || credentials.secret !== undefined) return access
  const secret = (await buffer(process.stdin)).toString('utf8').replace(/\r?\n$/, '')
  return { ...access, credentials: { ...credentials, secret } }
}
