import { resolve } from 'node:path'
import type { Command } from 'commander'
import * as E from '#fp/Either'
import { type BackupRefusal, backUp, type Manifest, putBack, type RestoreFailure } from '../backups.ts'
import type { Config } from '../config.ts'
import { startFailureOf } from '../start-failure.ts'
import type { AddCommand, ExitCode, WithConfig } from './command.ts'
import { complain, say } from './operator.ts'
import { startProblem } from './start-problem.ts'
import { stepProgress } from './step-progress.ts'

const onServers = ({ eventStore, mongoUrl }: Config): boolean =>
  eventStore !== undefined || mongoUrl !== undefined

const ofServers =
  'is of the embedded engine only. With EVENTSTORE_URL or MONGODB_URL use the tools of the servers: see docs/operations/backup.md.'

const positionOf = ({ hub, position }: Manifest): string =>
  `hub ${hub}, ${position} being the position of its last event`

const backupSentence = ({ dataDir }: Config, folder: string, refusal: BackupRefusal): string => {
  switch (refusal._tag) {
    case 'NothingToBackUp':
      return `There is no hub in ${dataDir}: name its folder with --data-dir.`
    case 'FolderTaken':
      return `${folder} holds something that is no backup: name an empty folder, a new one, or one that holds a backup of this hub. Nothing was changed.`
    case 'BackupOfAnotherHub':
      return `${folder} holds the backup of another hub: name another folder. Nothing was changed.`
  }
}

const restoreSentence = ({ dataDir }: Config, folder: string, failure: RestoreFailure): string => {
  switch (failure._tag) {
    case 'NoBackup':
      return `${folder} holds no backup: there is no manifest.json, which is written last. One that was broken off is none.`
    case 'FolderNotEmpty':
      return `${dataDir} is not empty: name a new folder with --data-dir. It may hold master.key and nothing else. Nothing was changed.`
    case 'FileDamaged':
      return `${folder}/${failure.path} is gone, or not what the manifest says. Nothing was put back. Take another backup${failure.path.startsWith('content/') ? '; where there is none, --as-it-is puts back what there is' : ''}.`
    case 'NotWhole':
      return `${failure.findings.map(finding => `${finding}\n`).join('')}The backup is not whole, and nothing was put back. Take another one; where there is none, --as-it-is puts back what there is.`
  }
}

const backup = async (config: Config, folder: string, json: boolean): Promise<ExitCode> => {
  if (onServers(config)) return complain(1, `backup ${ofServers}`)
  const progress = stepProgress()
  try {
    const taken = await backUp(config, resolve(folder), progress.report)
    progress.clear()
    if (E.isLeft(taken)) return complain(1, backupSentence(config, folder, taken.left))
    const { manifest, added } = taken.right
    if (json) return say(JSON.stringify({ ...manifest, added }))
    return say(
      `Backed up to ${folder}: ${positionOf(manifest)}, ${manifest.contents.count} contents, ${added} of them new.
The master key is not in it. Keep a copy of ${config.masterKeyFile} somewhere else: without it nobody can read this backup.`,
    )
  } catch (thrown) {
    progress.clear()
    return complain(1, startProblem(config, startFailureOf(config, thrown)))
  }
}

interface RestoreOptions {
  readonly json: boolean
  readonly asItIs: boolean
}

const restore = async (
  config: Config,
  folder: string,
  { json, asItIs }: RestoreOptions,
): Promise<ExitCode> => {
  if (onServers(config)) return complain(1, `restore ${ofServers}`)
  const progress = stepProgress()
  try {
    const restored = await putBack(config, resolve(folder), progress.report, asItIs ? 'as it is' : 'whole')
    progress.clear()
    if (E.isLeft(restored)) return complain(1, restoreSentence(config, folder, restored.left))
    const { manifest, events, contents, credentials, findings } = restored.right
    const isWhole = findings.length === 0
    if (json) say(JSON.stringify({ ...manifest, verified: { events, contents, credentials }, findings }))
    else {
      findings.map(say)
      say(
        `Put back into ${config.dataDir}, ${isWhole ? 'and all of it verified' : `with ${findings.length} findings`}: ${positionOf(manifest)}, as of ${manifest.takenAt}; ${events} events, ${contents} contents that they name, ${credentials} credentials.
Start the hub on it with MASTER_KEY_FILE=${config.masterKeyFile}. It builds its read models anew.`,
      )
    }
    return isWhole ? 0 : 1
  } catch (thrown) {
    progress.clear()
    return complain(1, startProblem(config, startFailureOf(config, thrown)))
  }
}

export const backupCommands = (program: Command, command: AddCommand, withConfig: WithConfig): void => {
  command(program, 'backup <DIR>', 'back up the hub in DATA_DIR, also while it runs')
    .option('--json', 'print the manifest as JSON')
    .addHelpText(
      'after',
      '\nInto a folder that holds a backup of this hub it adds what is new, and replaces that backup once it is whole. The\nmaster key is not in it: keep a copy of that file somewhere else.',
    )
    .action((folder: string, options) =>
      withConfig(options, config => backup(config, folder, options.json === true)),
    )
  command(program, 'restore <DIR>', 'put a backup back into a new folder, and verify all of it')
    .option('--as-it-is', 'put back what there is where no whole backup is left; what is missing is listed')
    .option('--json', 'print what was put back as JSON')
    .addHelpText(
      'after',
      '\nName the new folder with --data-dir: it may hold the master key as master.key and nothing else. Or name the file of\nthe master key with --master-key-file.',
    )
    .action((folder: string, options) =>
      withConfig(
        options,
        config => restore(config, folder, { json: options.json === true, asItIs: options.asItIs === true }),
        ofSettings => [
          ...(options.dataDir === undefined
            ? ['--data-dir: must name the new folder to put the backup into']
            : []),
          ...ofSettings,
        ],
      ),
    )
}
