const addressForm =
  /^esdb(?:\+discover)?:\/\/(?:([^\s:@/?]+):([^\s@/?]+)@)?[^\s:@/?,]+(?::\d{1,5})?(?:,[^\s:@/?,]+(?::\d{1,5})?)*\/?(?:\?[^\s?/]*)?$/

/** User and password of a connection string, as they are before encoding. */
export const credentialsOf = (url: string): { readonly username: string; readonly password: string } => {
  const [, username = 'none', password = 'none'] = addressForm.exec(url) ?? []
  return { username: decodeURIComponent(username), password: decodeURIComponent(password) }
}

/** What is wrong with a connection string, without what is in it; undefined where it will do. */
export const eventStoreUrlProblem = (url: string): string | undefined => {
  if (!/^esdb(\+discover)?:\/\//.test(url)) return 'must begin with esdb:// or esdb+discover://'
  const parts = addressForm.exec(url)
  if (parts === null)
    return 'must be a connection string such as esdb://user:password@host:2113; in user and password, : @ / ? are %-encoded'
  return parts[1] === undefined && !/[?&]tls=false(&|$)/i.test(url)
    ? 'must hold user:password@, or say tls=false'
    : undefined
}
