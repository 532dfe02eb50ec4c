import * as E from '#fp/Either'

/** What the work gives, or the failure that `failureOf` makes of what it throws. */
export const attempted = async <Failure, A>(
  work: () => Promise<A>,
  failureOf: (cause: unknown) => Failure,
): Promise<E.Either<Failure, A>> => {
  try {
    return E.right(await work())
  } catch (cause) {
    return E.left(failureOf(cause))
  }
}
