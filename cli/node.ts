import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { Either } from '#fp/Either'
import {
  enrollmentProblems,
  keysIn,
  type NodeFailure,
  type NodeOutcome,
  type NodeWrite,
  nodePatchProblems,
} from '../auth/nodes.ts'
import type { Config } from '../config.ts'
import type { Core } from '../core.ts'
import type { Json, JsonObject } from '../domain/json.ts'
import { clientIdRule, type NodeStatus, parseClientId } from '../domain/nodes.ts'
import type { InvalidPart } from '../domain/rejection.ts'
import type { AddCommand, ExitCode, WithConfig } from './command.ts'
import { listNodes } from './node-list.ts'
import { complain, contextOfOperator, runWrite, say } from './operator.ts'

const run = (
  config: Config,
  id: string,
  write: (core: Core, parts: NodeWrite) => Promise<Either<NodeFailure, NodeOutcome>>,
  done: (clientId: string, outcome: NodeOutcome) => ExitCode,
): Promise<ExitCode> => {
  const clientId = parseClientId(id)
  if (clientId === undefined) return Promise.resolve(complain(2, `CLIENT_ID must be ${clientIdRule}.`))
  const parts: NodeWrite = { clientId, by: 'all', preconditions: {}, context: contextOfOperator() }
  return runWrite(
    config,
    core => write(core, parts),
    outcome => done(clientId, outcome),
  )
}

const sentences = (problems: readonly InvalidPart[]): string =>
  problems
    .map(problem =>
      'pointer' in problem ? `--${problem.pointer.slice(1)} ${problem.detail}` : problem.detail,
    )
    .join('\n')

/** A JWK set from a file; undefined where the file holds no JSON. */
const jwksFrom = (file: string): Json | undefined => {
  try {
    const jwks: Json = JSON.parse(readFileSync(file, 'utf8'))
    return jwks
  } catch {
    return undefined
  }
}

const unreadable = (file: string): ExitCode =>
  complain(2, `--jwks ${file} cannot be read as JSON. It must hold {"keys": […]}, public keys only.`)

interface EnrollOptions {
  readonly name: string
  readonly scopes: string
  readonly institution?: string
  readonly jwks?: string
}

const enroll = async (config: Config, id: string, options: EnrollOptions): Promise<ExitCode> => {
  const { name, scopes, institution, jwks: file } = options
  const jwks = file === undefined ? undefined : jwksFrom(file)
  if (file !== undefined && jwks === undefined) return unreadable(file)
  const body: JsonObject = {
    client_id: id,
    name,
    scopes: scopes.split(/[\s,]+/).filter(scope => scope !== ''),
    ...(institution === undefined ? {} : { institution }),
    ...(jwks === undefined ? {} : { jwks }),
  }
  const problems = await enrollmentProblems(body)
  if (problems.length > 0) return complain(2, sentences(problems))
  return run(
    config,
    id,
    (core, parts) => core.nodes.enroll(parts, body),
    (client_id, { added, secret }) =>
      added
        ? say(JSON.stringify({ client_id, ...(secret === undefined ? {} : { client_secret: secret }) }))
        : complain(1, `${client_id} is enrolled already; nothing was changed.`),
  )
}

interface RotateOptions {
  readonly retire?: boolean
  readonly jwks?: string
}

const rotate = async (
  config: Config,
  id: string,
  { retire, jwks: file }: RotateOptions,
): Promise<ExitCode> => {
  const jwks = file === undefined ? undefined : jwksFrom(file)
  if (file !== undefined && jwks === undefined) return unreadable(file)
  if (jwks !== undefined) {
    const problems = await nodePatchProblems({ jwks })
    if (problems.length > 0) return complain(2, sentences(problems))
    return run(
      config,
      id,
      (core, parts) =>
        retire === true ? core.nodes.change(parts, { jwks }) : core.nodes.addKeys(parts, keysIn(jwks)),
      client_id =>
        say(
          retire === true
            ? `${client_id} has these keys only.`
            : `${client_id} has these keys beside the old ones. Retire those with --jwks ${file} --retire.`,
        ),
    )
  }
  return retire === true
    ? run(
        config,
        id,
        (core, parts) => core.nodes.retireOldSecret(parts),
        client_id => say(`The old secret of ${client_id} is retired.`),
      )
    : run(
        config,
        id,
        (core, parts) => core.nodes.issueSecret(parts),
        (client_id, { secret }) => say(JSON.stringify({ client_id, client_secret: secret })),
      )
}

const setStatus = (config: Config, id: string, status: NodeStatus): Promise<ExitCode> =>
  run(
    config,
    id,
    (core, parts) => core.nodes.setStatus(parts, status),
    client_id => say(`${client_id} is ${status}.`),
  )

/** `node …`: the nodes of the federation, which log in with a client secret or with keys of their own. */
export const nodeCommands = (program: Command, command: AddCommand, withConfig: WithConfig): void => {
  const node = program
    .command('node')
    .description('nodes of the federation: enroll, rotate, suspend, retire, list')

  command(node, 'enroll <CLIENT_ID>', 'let a node in; prints its client secret once')
    .requiredOption('--name <text>', 'what people call it')
    .requiredOption('--scopes <list>', 'what it may do, such as "people:read pols:write"')
    .option('--institution <ID>', 'the institution it belongs to')
    .option('--jwks <file>', 'its public keys as a JWK set, instead of a secret')
    .addHelpText(
      'after',
      '\nA hospital that reads people and writes pages of life:\n  npm run -s thalamus -- node enroll gral-hospital --name "General Hospital" --scopes "people:read pols:write"',
    )
    .action((id: string, options) => withConfig(options, config => enroll(config, id, options)))

  command(node, 'rotate <CLIENT_ID>', 'print a second client secret; the old one lives on until --retire')
    .option('--retire', 'end the old secret, or with --jwks the old keys, instead')
    .option('--jwks <file>', 'let these public keys in beside the present ones, instead of a new secret')
    .action((id: string, options) => withConfig(options, config => rotate(config, id, options)))

  command(node, 'list', 'show the nodes, and when each was last seen')
    .option('--json', 'print them as JSON')
    .action(options => withConfig(options, config => listNodes(config, options.json === true)))

  const statuses = [
    ['suspend', 'suspended', 'keep a node out, at once'],
    ['reinstate', 'active', 'let a suspended node in again'],
    ['retire', 'retired', 'end a node for good'],
  ] as const
  for (const [name, status, description] of statuses)
    command(node, `${name} <CLIENT_ID>`, description).action((id: string, options) =>
      withConfig(options, config => setStatus(config, id, status)),
    )
}
