import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from './folder.ts'
import type { Ended } from './process.ts'

const script = fileURLToPath(new URL('machine.sh', import.meta.url))
const namespaces = ['--mount', '--pid', '--fork', '--cgroup', '--net', '--uts', '--ipc', '--kill-child']

/** Why there can be no machine of a test's own; undefined where there can be one. */
export const noMachine = (programs: readonly string[]): string | undefined => {
  if (process.getuid?.() !== 0 || spawnSync('unshare', [...namespaces, 'true']).status !== 0)
    return 'not root with namespaces'
  const isThere = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
  const missing = ['systemctl', 'nsenter', 'ip', ...programs].find(program => !isThere(program))
  return missing === undefined ? undefined : `${missing} is not installed`
}

export interface RunOptions {
  readonly input?: string | Buffer
  /** `host`: with the network and the environment of the machine that the tests run on. */
  readonly network?: 'own' | 'host'
}

/**
 * A machine of a test's own: systemd, on the files of this one, under an overlay that is gone with it. Its only network is
 * loopback, all ports of which are free.
 */
export interface Machine {
  /** Runs commands as root in its /root. */
  readonly run: (commands: string, options?: RunOptions) => Promise<Ended>
  /** Where its files are seen from this machine. */
  readonly root: string
  readonly remove: () => Promise<void>
}

const running = async (child: ChildProcess, input: string | Buffer): Promise<Ended> => {
  const [out, err]: [Buffer[], Buffer[]] = [[], []]
  child.stdout?.on('data', chunk => out.push(chunk))
  child.stderr?.on('data', chunk => err.push(chunk))
  // A command need not read its input.
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(input)
  const [code] = await once(child, 'close')
  return { code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() }
}

const childOf = (pid: number): string => {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return children.split(' ')[0] ?? ''
}

export const startMachine = async (): Promise<Machine> => {
  const folder = temporaryFolder()
  const machine = spawn('unshare', [...namespaces, script, folder.path], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = once(machine, 'exit')
  const inside = ['--mount', '--pid', '--cgroup', '--uts', '--ipc', '--root']
  const run: Machine['run'] = (commands, { input = '', network = 'own' } = {}) => {
    const own = network === 'own'
    const target = ['--target', childOf(machine.pid ?? 0), ...inside, ...(own ? ['--net'] : [])]
    const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
    const env = own ? { HOME: '/root', PATH: path, LANG: 'C.UTF-8' } : { ...process.env, PATH: path }
    return running(
      spawn(
        'nsenter',
        [...target, 'env', '--chdir=/root', 'bash', '--norc', '-euo', 'pipefail', '-c', commands],
        {
          env,
        },
      ),
      input,
    )
  }
  // Until systemd is there nobody answers; then it says when it has started what belongs to a start.
  const isUp = async () =>
    existsSync(`/proc/${childOf(machine.pid ?? 0)}/root/run/systemd/private`) &&
    /running|degraded/.test((await run('systemctl is-system-running --wait')).out)
  while (!(await isUp())) if (machine.exitCode !== null) throw new Error('the machine did not start')
  return {
    run,
    root: `/proc/${childOf(machine.pid ?? 0)}/root`,
    remove: async () => {
      machine.kill('SIGKILL')
      await ended
      folder.remove()
    },
  }
}
