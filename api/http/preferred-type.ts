import type { Request } from 'express'

/**
 * The media type that a client prefers by its `Accept` (RFC 9110, section 12.5.1), the first of ours where it weighs them
 * equally, or sends no `Accept`. Undefined where it takes none of them.
 */
export const preferredType = <Type extends string>(
  request: Pick<Request, 'accepts'>,
  offered: readonly Type[],
): Type | undefined => {
  const best = request.accepts([...offered])
  return offered.find(type => type === best)
}
