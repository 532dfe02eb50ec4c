/** What may be said in a log of an error we did not expect: its kind and place, never its message. */
export const errorSummary = (cause: unknown): Record<string, unknown> => {
  if (!(cause instanceof Error)) return cause === undefined ? {} : { cause: typeof cause }
  const frame = cause.stack?.split('\n').find(line => line.includes('.ts:'))
  const at = /([\w-]+\/[\w.-]+\.ts:\d+)/.exec(frame ?? '')?.[1]
  const code = 'errcode' in cause ? cause.errcode : 'code' in cause ? cause.code : undefined
  return { cause: cause.name, code, at }
}
