import * as E from '#fp/Either'
import type { TaskEither } from '#fp/TaskEither'

/** The right value of a task that must succeed. */
export const right = async <F, A>(task: TaskEither<F, A>): Promise<A> => {
  const result = await task()
  if (E.isLeft(result)) throw new Error(`unexpected failure: ${JSON.stringify(result.left)}`)
  return result.right
}

/** The failure of a task that must fail. */
export const left = async <F, A>(task: TaskEither<F, A>): Promise<F> => {
  const result = await task()
  if (E.isRight(result)) throw new Error('unexpected success')
  return result.left
}
