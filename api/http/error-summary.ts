const codeOf = (error: Error): unknown =>
  'errcode' in error ? error.errcode : 'code' in error ? error.code : undefined

/** From an error to what caused it, a few steps at most. */
const chainOf = (error: Error): readonly Error[] => {
  const chain = [error]
  for (let last = error; last.cause instanceof Error && chain.length < 5; chain.push(last)) last = last.cause
  return chain
}

/** What may be said in a log of an error we did not expect: its kind and place, never its message. `file` is the name of a file that is damaged. */
export const errorSummary = (cause: unknown): Record<string, unknown> => {
  if (!(cause instanceof Error)) return cause === undefined ? {} : { cause: typeof cause }
  const frame = cause.stack?.split('\n').find(line => line.includes('.ts:'))
  const at = /([\w-]+\/[\w.-]+\.ts:\d+)/.exec(frame ?? '')?.[1]
  const chain = chainOf(cause)
  const code = chain.map(codeOf).find(one => one !== undefined)
  const file = 'file' in cause && typeof cause.file === 'string' ? { file: cause.file } : {}
  return { cause: chain.map(({ name }) => name).join(' < '), code, at, ...file }
}
