const addressForm =
  /^mongodb(?:\+srv)?:\/\/(?:[^\s:@/?]+(?::[^\s:@/?]*)?@)?[^\s:@/?,]+(?::\d{1,5})?(?:,[^\s:@/?,]+(?::\d{1,5})?)*(?:\/([^\s/?]*))?(?:\?[^\s?]*)?$/

/** A database's name, none of the server's own, and room for `_auth` behind it. */
const nameForm = /^(?!(?:admin|local|config)$)[A-Za-z0-9_-]{1,58}$/

/** The database that a `mongodb://` URL names; `thalamus` without. */
export const databaseOf = (url: string): string => addressForm.exec(url)?.[1] || 'thalamus'

/** What is wrong with a `mongodb://` URL, without what is in it; undefined where it will do. */
export const mongoUrlProblem = (url: string): string | undefined => {
  if (!/^mongodb(\+srv)?:\/\//.test(url)) return 'must begin with mongodb:// or mongodb+srv://'
  if (!addressForm.test(url))
    return 'must be a connection string such as mongodb://user:password@host:27017/thalamus; in user and password, : @ / ? are %-encoded'
  return nameForm.test(databaseOf(url))
    ? undefined
    : 'must name a database of 1 to 58 of A–Z a–z 0–9 _ - as its path, or none'
}
