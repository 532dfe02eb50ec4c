import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { z } from 'zod'
import * as E from '#fp/Either'
import { sentenceOf } from '../api/http/problem.ts'
import type { Certified, Erasing } from '../auth/erasure.ts'
import { type ReadCertificate, readCertificate } from '../auth/erasure-certificate.ts'
import type { Config } from '../config.ts'
import type { Core } from '../core.ts'
import { parseAccount } from '../domain/identifiers.ts'
import { people } from '../domain/people.ts'
import { makeLogger } from '../logger.ts'
import type { AddCommand, ExitCode, WithConfig } from './command.ts'
import { complain, contextOfOperator, say } from './operator.ts'
import { hubsHave, withCore } from './with-core.ts'

const writeTo = (id: string) => ({ identity: { id }, conditional: false, context: contextOfOperator() })

const withErasing = (
  config: Config,
  work: (erasing: Erasing, core: Core) => Promise<ExitCode>,
): Promise<ExitCode> =>
  withCore(config, 'writes', async core => {
    const { whileProjecting } = await import('../main.ts')
    return whileProjecting(core, makeLogger('warn'), erasing => work(erasing, core))
  })

const shown = ({ certificate, claims }: Certified): string =>
  JSON.stringify({ certificate, ...claims }, undefined, 2)

const erase = (config: Config, id: string, reason: string, knowing: boolean): Promise<ExitCode> => {
  const account = parseAccount(id)
  if (account === undefined) return Promise.resolve(complain(2, `ID must be ${people.idRule}.`))
  if (reason === '' || reason.length > 500)
    return Promise.resolve(complain(2, '--reason must be given, with at most 500 characters.'))
  return withErasing(config, async (erasing, core) => {
    const erased = await erasing.erase(writeTo(account), { reason, knowing })
    if (E.isLeft(erased)) return complain(1, sentenceOf(erased.left).replace('"knowing": true', '--knowing'))
    await hubsHave(core, erased.right.position ?? 0n)
    return say(shown(erased.right))
  })
}

const problems = {
  'not a certificate': 'holds no certificate of an erasure',
  'changed since it was signed': 'was changed since it was signed',
} as const

const inJson = z.object({ certificate: z.string() })

/** The certificate in a file: what `erase` printed, or the JWS alone. */
const certificateIn = async (file: string): Promise<E.Either<string, ReadCertificate>> => {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return E.left(`${file} cannot be read.`)
  }
  let jws = text
  try {
    jws = inJson.parse(JSON.parse(text)).certificate
  } catch {}
  return E.mapLeft((problem: keyof typeof problems) => `${file} ${problems[problem]}.`)(
    await readCertificate(jws),
  )
}

const keySet = z.object({ keys: z.array(z.object({ kid: z.string() })) })

/** Whether a hub publishes the key; undefined where it does not answer. */
const publishes = async (url: string, kid: string): Promise<boolean | undefined> => {
  try {
    const answer = await fetch(new URL('/oidc/jwks', url), { signal: AbortSignal.timeout(10_000) })
    return keySet.parse(await answer.json()).keys.some(key => key.kid === kid)
  } catch {
    return undefined
  }
}

const verify = async (file: string, url: string | undefined): Promise<ExitCode> => {
  const read = await certificateIn(file)
  if (E.isLeft(read)) return complain(1, read.left)
  const { claims, kid } = read.right
  if (url !== undefined) {
    const isPublished = await publishes(url, kid)
    if (isPublished === undefined) return complain(1, `${url} does not say which keys it signs with.`)
    if (!isPublished)
      return complain(
        1,
        `The signature is right, but ${url} does not publish the key ${kid}: it is another hub, or has had other keys since. Ask it for the certificate anew.`,
      )
  }
  const by =
    url === undefined
      ? 'Whether the key is the hub’s was not asked: give --url for that.'
      : `${url} publishes the key.`
  return say(
    `The certificate is whole and signed with the key ${kid}. ${by}\nThe hub ${claims.hub} has forgotten ${claims.account} at ${claims.erasedAt}: ${claims.events} events can be read no more, ${claims.inClear} remain in clear, ${claims.contents} contents were removed.\nReason: ${claims.reason}`,
  )
}

const again = (config: Config, files: readonly string[]): Promise<ExitCode> =>
  withErasing(config, async (erasing, core) => {
    let code: ExitCode = 0
    for (const file of files) {
      const read = await certificateIn(file)
      if (E.isLeft(read)) {
        code = complain(1, read.left)
        continue
      }
      const { hub, account, reason } = read.right.claims
      if (hub !== core.ports.identity.id) {
        code = complain(1, `${file} is of another hub: nothing was changed.`)
        continue
      }
      const erased = await erasing.eraseAgain(writeTo(account), reason)
      if (E.isLeft(erased)) code = complain(1, `${file}: ${sentenceOf(erased.left)}`)
      else say(`${account} is forgotten.`)
    }
    return code
  })

interface EraseOptions {
  readonly reason?: string
  readonly knowing?: boolean
  readonly verify?: string
  readonly url?: string
  readonly again?: readonly string[]
  readonly [setting: string]: unknown
}

/** `erase`: forgets a person, looks whether a certificate is right, and forgets again on a hub that was put back. */
export const eraseCommand = (program: Command, command: AddCommand, withConfig: WithConfig): void => {
  command(program, 'erase [ID]', 'forget a person for good, and print the certificate')
    .option('--reason <text>', 'why, in words that tell nothing about the person: it is kept for ever')
    .option('--knowing', 'also where events remain that were recorded before the hub encrypted')
    .option('--verify <file>', 'look whether a certificate is right, instead')
    .option('--url <origin>', 'with --verify: the hub to ask whether the key is its own')
    .option(
      '--again <files...>',
      'forget again whom certificates name, on a hub put back from a backup, instead',
    )
    .addHelpText('after', help)
    .action((id: string | undefined, options: EraseOptions) =>
      withConfig(options, async config => {
        if (options.verify !== undefined) return verify(options.verify, options.url)
        if (options.again !== undefined) return again(config, options.again)
        if (id === undefined) return complain(2, 'Name a person, or give --verify or --again; see --help.')
        return erase(config, id, options.reason ?? '', options.knowing === true)
      }),
    )
}

const help = `
The person must be inactive, not root, and under no hold. Nothing brings back what they are forgotten of but a backup
of the store of keys: see docs/erasure.md. The hub may run meanwhile.

  npm run -s thalamus -- erase ESPGNU777ORG --reason 'Request 12/2026' > certificate.json
  npm run -s thalamus -- erase --verify certificate.json --url https://hub.example.org`
