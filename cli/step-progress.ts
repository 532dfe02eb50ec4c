import { makeProgress, type Progress, standardError } from './progress.ts'

export interface StepProgress {
  readonly report: (step: string, count: number) => void
  readonly clear: () => void
}

/** A line of progress on a terminal for the step that is at work. */
export const stepProgress = (): StepProgress => {
  let shown: { readonly step: string; readonly progress: Progress } | undefined
  return {
    report: (step: string, count: number): void => {
      if (shown?.step !== step) {
        shown?.progress.clear()
        shown = { step, progress: makeProgress(0n, undefined, standardError, step) }
      }
      shown.progress.show(0n, count)
    },
    clear: (): void => shown?.progress.clear(),
  }
}
