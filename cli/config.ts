import { type GivenSettings, type SettingInForce, settingsInForce } from '../config.ts'
import type { ExitCode } from './command.ts'
import { say } from './operator.ts'

const hidden = '(hidden)'

/** The value as it may be shown: a URL without its password, another secret not at all. */
const shownValue = ({ setting, value }: SettingInForce): string | null => {
  if (value === undefined) return null
  if (setting.isSecret !== true) return value
  const url = URL.parse(value)
  if (url === null) return hidden
  return url.password === '' ? value : value.replace(/:[^:@/]*@/, `:${hidden}@`)
}

/** Prints each setting with its value and where it comes from. Secrets are not shown. */
export const showConfig = (given: GivenSettings, asJson: boolean): ExitCode => {
  const shown = settingsInForce(given).map(one => ({
    name: one.setting.name,
    value: shownValue(one),
    source: one.source,
    meaning: one.setting.meaning,
  }))
  if (asJson) return say(JSON.stringify(shown, null, 2))
  const width = (of: (one: (typeof shown)[number]) => string): number =>
    Math.max(...shown.map(one => of(one).length))
  const valueText = ({ value }: (typeof shown)[number]) => value ?? '-'
  const [names, values] = [width(({ name }) => name), width(valueText)]
  return say(
    shown
      .map(
        one =>
          `${one.name.padEnd(names)}  ${valueText(one).padEnd(values)}  ${one.source.padEnd('environment'.length)}  ${one.meaning}`,
      )
      .join('\n'),
  )
}
