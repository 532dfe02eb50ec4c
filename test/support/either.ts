import * as E from '#fp/Either'

/** The right value of what must succeed. */
export const right = async <F, A>(outcome: Promise<E.Either<F, A>>): Promise<A> => {
  const result = await outcome
  if (E.isLeft(result)) throw new Error(`unexpected failure: ${JSON.stringify(result.left)}`)
  return result.right
}

/** The failure of what must fail. */
export const left = async <F, A>(outcome: Promise<E.Either<F, A>>): Promise<F> => {
  const result = await outcome
  if (E.isRight(result)) throw new Error('unexpected success')
  return result.left
}
