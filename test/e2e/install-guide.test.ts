import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeUnless } from '../support/describe-unless.ts'
import { temporaryFolder } from '../support/folder.ts'
import { commandsIn, guideText, sectionOf } from '../support/guide.ts'
import { type Machine, noMachine, type RunOptions, startMachine } from '../support/machine.ts'

const guide = guideText('docs/operations/install.md')
/** What belongs to the distribution, and the authority that gives certificates, are not there. */
const isElsewhere = (block: string): boolean => /^(apt-get|certbot) /.test(block)
const blocksOf = (section: string): readonly string[] =>
  commandsIn(sectionOf(guide, section)).filter(block => !isElsewhere(block))

/** Variables that one block of the guide sets for the next ones. */
const variables = `EXAMPLES=/opt/thalamus/current/node_modules/thalamus/docs/examples
PASSWORD=freedom
`
const certificate = `mkdir -p /etc/letsencrypt/live/hub.example.org
cd /etc/letsencrypt/live/hub.example.org
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=hub.example.org \\
  -addext subjectAltName=DNS:hub.example.org -keyout privkey.pem -out fullchain.pem
cp fullchain.pem /usr/local/share/ca-certificates/hub.crt
update-ca-certificates`

/** Milliseconds: packages are installed and a system is started, on a machine that may do other things. */
const patience = 300_000

describeUnless(noMachine(['nginx', 'caddy', 'openssl', 'npm']), 'the guide to installing', () => {
  const folder = temporaryFolder()
  let machine: Machine
  const run = async (block: string, options?: RunOptions): Promise<string> => {
    const { code, out, err } = await machine.run(variables + block, options)
    expect(code, `${block}\n${out}\n${err}`).toBe(0)
    return out
  }

  beforeAll(async () => {
    const root = fileURLToPath(new URL('../..', import.meta.url))
    execFileSync('npm', ['pack', '--pack-destination', folder.path], { cwd: root, stdio: 'ignore' })
    machine = await startMachine()
    const input = readFileSync(join(folder.path, 'thalamus-0.1.0.tgz'))
    await run('cat > thalamus-0.1.0.tgz', { input })
    await run('echo 127.0.0.1 hub.example.org >> /etc/hosts')
    await run(certificate)
  }, patience)
  afterAll(async () => {
    await machine.remove()
    folder.remove()
  })

  it('leads to a service that runs, with a root and a backup', { timeout: patience }, async () => {
    const [install = '', settings = '', command = '', start = '', person = '', key = '', backup = ''] =
      blocksOf('## The service')
    await run(install, { network: 'host' })
    await run(settings)
    expect(await run(command)).toMatch(/^PUBLIC_URL +https:\/\/hub\.example\.org +file /m)
    expect(await run(start)).toContain('"status":"ready"')
    expect(await run(person, { input: 'freedom\n' })).toContain('ARGBUE111FAV is registered')
    expect(await run(key)).toMatch(/^[0-9a-f]{64}$/m)
    await run(backup)
    expect(await run('ls /var/backups/thalamus')).toContain('manifest.json')
    expect(await run('systemctl list-timers --no-pager')).toContain('thalamus-backup.timer')
  })

  const ask = 'curl --silent --show-error --fail -u ARGBUE111FAV:freedom'
  /** What each proxy must let through as it is: streams at once, large contents, and who asks. */
  const looksRight = async () => {
    const document = `https://hub.example.org:8443/personal-documents/scan-$RANDOM`
    await run(
      `${ask} ${document} -H 'Content-Type: application/json' -d '{"person": "ARGBUE111FAV"}'
head -c 20000000 /dev/urandom > scan
${ask} ${document}/content -T scan -H 'Content-Type: application/pdf' > answer
${ask} ${document}/content | cmp - scan`.replaceAll(/\$RANDOM/g, String(Math.floor(Math.random() * 1e6))),
    )
    // The stream has no end: its first line is there at once.
    const stream = `${ask} -N https://hub.example.org/feed -H 'Accept: text/event-stream'`
    const firstLine = await run(`exec 3< <(exec ${stream})\nread -r line <&3\nkill $!\necho "$line"`)
    expect(firstLine).toMatch(/^(id|event|data|retry)?:/)
    const head = await run('curl --silent --head https://hub.example.org/livez')
    expect(head.match(/^strict-transport-security: .*$/gim)).toHaveLength(1)
    const status = "curl --silent --output /dev/null --write-out '%{http_code}'"
    expect(await run(`${status} https://hub.example.org/metrics`)).toBe('401')
    expect((await machine.run(`${status} http://hub.example.org/livez`)).out).toMatch(/^(404|000)$/)
    expect((await machine.run('curl --tls-max 1.1 https://hub.example.org/livez')).code).not.toBe(0)
  }

  it('puts it behind nginx', { timeout: patience }, async () => {
    await run('systemctl start nginx')
    const [put = '', look = ''] = blocksOf('## Behind nginx')
    await run(put)
    expect(await run(look)).toContain('true')
    await looksRight()
    await run('systemctl stop nginx')
  })

  it('puts it behind Caddy', { timeout: patience }, async () => {
    const [caddy = ''] = blocksOf('## Behind Caddy')
    // Where there is no authority, the certificate is one of the operator's own.
    const own = caddy.replace(
      /^caddy validate/m,
      `install -m 640 -g caddy -t /etc/caddy /etc/letsencrypt/live/hub.example.org/*.pem
sed -i 's/# tls /tls /' /etc/caddy/Caddyfile
$&`,
    )
    expect(own).not.toBe(caddy)
    await run(own)
    await looksRight()
    await run('systemctl disable --now caddy')
  })

  it('speaks TLS itself, and takes a renewed certificate without a restart', {
    timeout: patience,
  }, async () => {
    const blocks = blocksOf('## Without a proxy')
    expect(await run(blocks.join(''))).toContain('"status":"ready"')
    const serial = `openssl s_client -connect hub.example.org:8443 </dev/null 2>/dev/null | openssl x509 -noout -serial`
    const before = await run(serial)
    const pid = await run('systemctl show -p MainPID thalamus')
    const renew = 'RENEWED_LINEAGE=$PWD /etc/letsencrypt/renewal-hooks/deploy/thalamus'
    await run(`${certificate}\n${renew}\nwhile [ "$(${serial})" = "${before.trim()}" ]; do :; done`)
    expect(await run('systemctl show -p MainPID thalamus')).toBe(pid)
  })
})
