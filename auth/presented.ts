/** What a request shows of who asks. */
export interface Presented {
  /** The `Authorization` header. */
  readonly authorization: string | undefined
  /** The `DPoP` header: a proof (RFC 9449). */
  readonly dpop: string | undefined
  readonly method: string
  /** Path and query. */
  readonly path: string
  /** The client's address; asked for only when it matters. */
  readonly address: () => string
}
