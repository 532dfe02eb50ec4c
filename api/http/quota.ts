/** A limit of a caller, and what is left of it. */
export interface Quota {
  readonly name: string
  readonly most: number
  readonly left: number
  /** Without a window `most` is how many may be under way at the same time. */
  readonly window?: { readonly seconds: number; readonly untilReset: number }
}

/** `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10), as a flat list of headers. */
export const quotaHeaders = ({ name, most, left, window }: Quota): readonly string[] => [
  'RateLimit-Policy',
  window === undefined
    ? `"${name}";q=${most};qu="concurrent-requests"`
    : `"${name}";q=${most};w=${window.seconds}`,
  'RateLimit',
  window === undefined
    ? `"${name}";r=${Math.max(0, left)}`
    : `"${name}";r=${Math.max(0, Math.floor(left))};t=${Math.ceil(window.untilReset)}`,
]
