/** A position as this program's own hubs write it: what comes before the number names the log and its epoch. */
export const partsOfPosition = (
  text: string,
): { readonly log: string; readonly number: bigint } | undefined => {
  const [, log, number] = /^(.+)-(\d{1,19})$/.exec(text) ?? []
  return log === undefined || number === undefined ? undefined : { log, number: BigInt(number) }
}
