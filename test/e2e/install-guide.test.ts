import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeUnless } from '../support/describe-unless.ts'
import {
  type GuidedMachine,
  operatorCommands,
  packedSources,
  startGuidedMachine,
} from '../support/guided-machine.ts'
import { noMachine } from '../support/machine.ts'

const blocksOf = (section: string): readonly string[] => operatorCommands('install.md', section)

const certificate = `mkdir -p /etc/letsencrypt/live/hub.example.org
cd /etc/letsencrypt/live/hub.example.org
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=hub.example.org \\
  -addext subjectAltName=DNS:hub.example.org -keyout privkey.pem -out fullchain.pem
cp fullchain.pem /usr/local/share/ca-certificates/hub.crt
update-ca-certificates`

/** Milliseconds: packages are installed and a system is started, on a machine that may do other things. */
const patience = 300_000

describeUnless(
  noMachine(['nginx', 'caddy', 'openssl', 'npm', 'sqlite3']),
  'the guides to installing, upgrades and keys',
  () => {
    let machine: GuidedMachine
    const run: GuidedMachine['run'] = (block, options) => machine.run(block, options)

    beforeAll(async () => {
      machine = await startGuidedMachine(packedSources())
      await run('echo 127.0.0.1 hub.example.org >> /etc/hosts')
      await run(certificate)
    }, patience)
    afterAll(() => machine.remove())

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
      expect((await machine.attempt(`${status} http://hub.example.org/livez`)).out).toMatch(/^(404|000)$/)
      expect((await machine.attempt('curl --tls-max 1.1 https://hub.example.org/livez')).code).not.toBe(0)
    }

    it('puts it behind nginx', { timeout: patience }, async () => {
      // Debian starts it when it is installed.
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
      // For the webhooks of the last case, which have no other network to go to.
      await run('echo ALLOW_PRIVATE_WEBHOOKS=on >> /etc/thalamus/thalamus.env')
      expect(await run(blocks.join(''))).toContain('"status":"ready"')
      const serial = `openssl s_client -connect hub.example.org:8443 </dev/null 2>/dev/null | openssl x509 -noout -serial`
      const before = await run(serial)
      const pid = await run('systemctl show -p MainPID thalamus')
      const renew = 'RENEWED_LINEAGE=$PWD /etc/letsencrypt/renewal-hooks/deploy/thalamus'
      await run(`${certificate}\n${renew}\nwhile [ "$(${serial})" = "${before.trim()}" ]; do :; done`)
      expect(await run('systemctl show -p MainPID thalamus')).toBe(pid)
    })

    const version = 'thalamus --version'

    it('is upgraded, tried on the backup first, and goes back', { timeout: patience }, async () => {
      // The release after this one: the same sources under the next number.
      await run(`mkdir next && tar -xzf thalamus-0.1.0.tgz -C next && cd next
sed -i 's/"version": "0.1.0"/"version": "0.2.0"/' package/package.json package/dist/package.json
tar -czf ../thalamus-0.2.0.tgz package`)
      const [keep = ''] = operatorCommands('backup.md', '### Take a backup')
      await run(keep)
      const [backup = '', install = '', trial = '', upgrade = '', ...more] = operatorCommands(
        'upgrade.md',
        '## Upgrade',
      )
      expect(more).toEqual([])
      expect(await run(backup)).toContain('Backed up')
      // Nothing but the package itself differs, and need be fetched.
      await run('cp --archive /opt/thalamus/0.1.0 /opt/thalamus/0.2.0')
      await run(install, { network: 'host' })
      expect(await run(trial)).toContain('All is whole')
      expect(await run(version)).toBe('0.1.0\n')
      // This hub speaks TLS itself by now.
      const served = (block: string) => block.replace('http://127.0.0.1:8080', 'https://hub.example.org:8443')
      expect(await run(served(upgrade))).toMatch(/"status":"ready".*0\.2\.0/s)
      const [back = '', keepSince = ''] = operatorCommands('upgrade.md', '## The way back')
      expect(await run(keepSince.replace(/--since \S+/, '--since 2020-01-01T00:00:00Z'))).toBe('')
      expect(await run('cat since-the-upgrade.ndjson')).toContain('PersonRegistered')
      expect(await run(served(back))).toContain('"status":"ready"')
      expect(await run(version)).toBe('0.1.0\n')
    })

    it('changes every key and secret', { timeout: patience }, async () => {
      const of = (section: string) => operatorCommands('keys.md', section)
      const hub = 'https://hub.example.org:8443'
      const lastWord = (text: string, name: string) => new RegExp(`"${name}":"([^"]+)"`).exec(text)?.[1] ?? ''
      const enrolled = await run(
        'thalamus node enroll gral-hospital --name Hospital --scopes "people:read feed:read subscriptions:write"',
      )
      const tokenBy = async (secret: string) =>
        lastWord(
          await run(
            `curl --silent -u gral-hospital:${secret} ${hub}/oidc/token -d grant_type=client_credentials`,
          ),
          'access_token',
        )
      const statusWith = (token: string) =>
        run(
          `curl --silent --output /dev/null --write-out '%{http_code}' -H 'Authorization: Bearer ${token}' ${hub}/people`,
        )
      const secret = lastWord(enrolled, 'client_secret')
      const token = await tokenBy(secret)

      const masterKey = await run('cat /mnt/keys/master.key')
      expect(await run(of('## The master key').join(''))).toContain('keys of people are wrapped')
      expect(await run('cat /mnt/keys/master.key')).not.toBe(masterKey)

      const [rotate = '', end = ''] = of('## The signing key')
      expect(await run(rotate)).toContain('stay good until they expire')
      expect(await statusWith(token)).toBe('200')
      expect(await run(end)).toContain('are refused')
      expect(await statusWith(token)).toBe('401')

      const [both = '', suspend = ''] = of("## A node's secret")
      const second = lastWord(await run(both), 'client_secret')
      expect([await tokenBy(secret), await statusWith(await tokenBy(second))]).toEqual(['', '200'])
      await run(suspend)

      const made = await run(
        `curl --silent -H 'Authorization: Bearer ${await tokenBy(second)}' -H 'Content-Type: application/json' ${hub}/subscriptions \\
  -d '{"url": "https://127.0.0.1:1/hook", "resources": ["people"]}'`,
      )
      const [newSecret = ''] = of("## A subscription's secret")
      const rotated = await run(
        `TOKEN=${await tokenBy(second)} SUBSCRIPTION=${lastWord(made, 'id')}\n${newSecret.replace('https://hub.example.org', hub)}`,
      )
      expect(lastWord(rotated, 'secret')).toMatch(/^whsec_/)
      expect(rotated).not.toContain(lastWord(made, 'secret'))

      const [password = ''] = of('## A password')
      await run('printf %s gnusolidario | thalamus person register ESPGNU777ORG --password-stdin')
      await run(`NEW_PASSWORD='another one'\n${password}`)
      expect(await run(`curl --silent -u 'ESPGNU777ORG:another one' ${hub}/login`)).toContain('true')

      const ready = `curl --silent --output /dev/null --retry 30 --retry-delay 1 --retry-all-errors --fail ${hub}/readyz`
      await run(of("## The settings' secrets").join(''))
      await run(ready)
      const metrics =
        'curl --silent -H "Authorization: Bearer $(sed -n \'s/^METRICS_TOKEN=//p\' /etc/thalamus/thalamus.env)"'
      expect(await run(`${metrics} -H 'X-Forwarded-For: 192.0.2.1' ${hub}/metrics`)).toContain('thalamus_')

      const secretOfWebhooks = async () =>
        run(
          `${ready}\nsqlite3 /var/lib/thalamus/auth.db "SELECT hex(secret) FROM secrets WHERE name = 'webhooks'"`,
        )
      const before = await secretOfWebhooks()
      expect(await run(of('## When one got out').join(''))).toContain('own secrets are new')
      expect(await secretOfWebhooks()).not.toBe(before)
      expect(await run('thalamus check')).toContain('All is whole')
    })
  },
)
