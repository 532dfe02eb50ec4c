import { chmodSync } from 'node:fs'
import * as E from '#fp/Either'
import { type CheckStep, checkHub } from './checking.ts'
import type { Config } from './config.ts'
import { version } from './core.ts'
import { fail, startFailureOf } from './start-failure.ts'
import type { Manifest } from './stores/backup/manifest.ts'
import { type RestoreRefusal, type RestoreStep, stageBackup } from './stores/backup/put-back.ts'
import { type BackupRefusal, type ReportBackup, takeBackup } from './stores/backup/take.ts'

export type { BackupRefusal, Manifest, RestoreRefusal }

/** A backup of what is in DATA_DIR, while the hub runs. Throws a `StartFailure`. */
export const backUp = async (config: Config, folder: string, report: ReportBackup) => {
  process.umask(0o077)
  return takeBackup(config.dataDir, folder, version, report).catch(thrown =>
    fail(startFailureOf(config, thrown)),
  )
}

export type RestoreFailure =
  | RestoreRefusal
  | { readonly _tag: 'NotWhole'; readonly findings: readonly string[] }

export interface Restored {
  readonly manifest: Manifest
  readonly events: number
  readonly contents: number
  readonly credentials: number
  /** What is not whole, a sentence each: none, unless it was to be put back all the same. */
  readonly findings: readonly string[]
}

/**
 * Puts a backup back into DATA_DIR, and looks at all of it first: each file against the manifest, each database by itself, and all that the
 * log names. What is not whole is not put there, unless it is to be taken `as it is`: then what cannot be had is left out. Throws a `StartFailure`, as where the master key is another one.
 */
export const putBack = async (
  config: Config,
  folder: string,
  report: (step: RestoreStep | CheckStep, count: number) => void,
  wanted: 'whole' | 'as it is' = 'whole',
): Promise<E.Either<RestoreFailure, Restored>> => {
  process.umask(0o077)
  const findings: string[] = []
  const without = (path: string) =>
    findings.push(`${path} of the backup is gone, or not what the manifest says`)
  const staged = await stageBackup(
    folder,
    config.dataDir,
    report,
    wanted === 'whole' ? undefined : without,
  ).catch(thrown => fail(startFailureOf(config, thrown)))
  if (E.isLeft(staged)) return staged
  chmodSync(config.dataDir, 0o700)
  const { manifest, settle, discard } = staged.right
  try {
    const there = { ...config, dataDir: staged.right.folder }
    const checked = await checkHub(
      there,
      { found: finding => findings.push(finding), report, sample: undefined },
      async ({ events, contents, credentials, head, ports }) => {
        if (String(head) !== manifest.position || ports.identity.id !== manifest.hub)
          findings.push('the log is not the one that the manifest names')
        return { manifest, events, contents, credentials, findings }
      },
    )
    const isTaken = findings.length === 0 || wanted === 'as it is'
    if (E.isLeft(checked) || checked.right === undefined || !isTaken) {
      await discard()
      return E.left({ _tag: 'NotWhole', findings })
    }
    await settle()
    return E.right(checked.right)
  } catch (thrown) {
    await discard()
    throw thrown
  }
}
