/** What a route answers. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** The body; its type is JSON where the headers name no other. */
  readonly body?: string | Buffer
  /** A body that is sent as it is read, instead: the headers name its type and length. Not asked for a byte by HEAD. */
  readonly stream?: AsyncIterable<Uint8Array>
  /** Bytes that the stream holds of the memory for answers, where it is not the usual 256 KiB. */
  readonly heldBytes?: number
}

export const jsonAnswer = (
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Answer => ({ status, headers, body })
