interface MediaRange {
  readonly type: string
  readonly weight: number
}

const rangesOf = (accept: string): readonly MediaRange[] =>
  accept
    .toLowerCase()
    .split(',')
    .flatMap(part => {
      const [type = '', ...parameters] = part.split(';').map(text => text.trim())
      if (type === '') return []
      const weight = parameters.find(parameter => parameter.startsWith('q='))
      return [{ type, weight: weight === undefined ? 1 : Number(weight.slice(2)) || 0 }]
    })

/** The weight of the most specific range that a type is in. */
const weightOf = (ranges: readonly MediaRange[], type: string): number => {
  const [main = ''] = type.split('/')
  for (const range of [type, `${main}/*`, '*/*']) {
    const match = ranges.find(one => one.type === range)
    if (match !== undefined) return match.weight
  }
  return 0
}

/**
 * The media type that a client prefers by its `Accept` (RFC 9110, section 12.5.1), the first of ours where it weighs them
 * equally, or where it sends no `Accept`. Undefined where it takes none of them.
 */
export const preferredType = <Type extends string>(
  accept: string | undefined,
  offered: readonly [Type, ...Type[]],
): Type | undefined => {
  const ranges = rangesOf(accept ?? '')
  if (ranges.length === 0) return offered[0]
  let best: { readonly type: Type; readonly weight: number } | undefined
  for (const type of offered) {
    const weight = weightOf(ranges, type)
    if (weight > (best?.weight ?? 0)) best = { type, weight }
  }
  return best?.type
}
