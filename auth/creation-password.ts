import * as E from '#fp/Either'
import type { SecretOf, TakeSecret } from '../commands/item-requests.ts'
import type { Json } from '../domain/json.ts'
import type { BodyPassword, Registration } from '../domain/person-rules.ts'
import type { InvalidPart } from '../domain/rejection.ts'
import { settingLane } from './lanes.ts'
import { bcryptProblem, looksLikeBcrypt, passwordProblem } from './password-hash.ts'
import type { PasswordFailure, Passwords } from './passwords.ts'
import type { Lane } from './slow-work.ts'

/** The password of a creation: clear text, or a bcrypt hash taken over as it is. */
interface CreationPassword {
  readonly kind: 'clear' | 'bcrypt'
  readonly text: string
}

const passwordOf = (
  secret: Json | undefined,
  takesHashes: boolean,
): E.Either<InvalidPart, CreationPassword | undefined> => {
  if (secret === undefined || secret === null) return E.right(undefined)
  const isHash = takesHashes && typeof secret === 'string' && looksLikeBcrypt(secret)
  const problem = isHash ? bcryptProblem(secret) : passwordProblem(secret)
  if (problem !== undefined) return E.left(problem)
  return E.right({ kind: isHash ? 'bcrypt' : 'clear', text: String(secret) })
}

/**
 * Takes the password of a creation. Where the person is there already, the creation is a repeat of an earlier one: the
 * password must then be the person's present one.
 */
export const passwordTaker =
  (passwords: Passwords): TakeSecret<PasswordFailure> =>
  (secret, { takesHashes, ...registrar }) => {
    const password = passwordOf(secret, takesHashes)
    if (E.isLeft(password)) return password
    return E.right(async of =>
      E.map((inBody: BodyPassword): Registration => ({ ...registrar, password: inBody }))(
        await bodyPassword(passwords, of, password.right, registrar.rights.password),
      ),
    )
  }

const matches = async (
  passwords: Passwords,
  account: string,
  credential: string | undefined,
  { kind, text }: CreationPassword,
  lane: Lane,
): Promise<E.Either<PasswordFailure, boolean>> => {
  if (credential === undefined) return E.right(false)
  return kind === 'bcrypt'
    ? passwords.wasImportedFrom(account, credential, text)
    : passwords.verify(account, credential, text, lane)
}

const bodyPassword = async (
  passwords: Passwords,
  { identity: { id }, state, actor }: SecretOf,
  password: CreationPassword | undefined,
  maySet: boolean,
): Promise<E.Either<PasswordFailure, BodyPassword>> => {
  if (password === undefined || state.is === 'removed' || state.is === 'erased')
    return E.right({ is: 'none' })
  // Whoever may not set passwords must not be able to try them either.
  if (!maySet) return E.right({ is: 'other' })
  const lane = settingLane(actor)
  if (state.is === 'present') {
    const same = await matches(passwords, id, state.credential, password, lane)
    return E.map((right: boolean): BodyPassword => ({ is: right ? 'present' : 'other' }))(same)
  }
  const { kind, text } = password
  const added = await (kind === 'clear' ? passwords.add(id, text, lane) : passwords.import(id, text))
  return E.map((credential: string): BodyPassword => ({ is: 'new', credential }))(added)
}
