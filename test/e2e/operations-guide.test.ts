import { escapeLiteral } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeUnless } from '../support/describe-unless.ts'
import {
  type GuidedMachine,
  operatorCommands,
  packedSources,
  startGuidedMachine,
} from '../support/guided-machine.ts'
import { noMachine } from '../support/machine.ts'
import { password, scan, smallOriginal } from '../support/original.ts'
import { noPostgresql } from '../support/postgresql.ts'

const service = operatorCommands('install.md', '## The service')
const backupGuide = (section: string): readonly string[] => operatorCommands('backup.md', section)

/** Statements with their values in them, for psql. */
const sql = smallOriginal
  .map(statement => {
    const [text, ...values] = typeof statement === 'string' ? [statement] : statement
    return values.reduce<string>((filled, value, i) => {
      const literal = Buffer.isBuffer(value) ? `'\\x${value.toString('hex')}'` : escapeLiteral(String(value))
      return filled.replace(`$${i + 1}`, () => (value === null ? 'NULL' : literal))
    }, text)
  })
  .join(';\n')

const ask = 'curl --silent --output answer --write-out "%{http_code}" -u ARGBUE111FAV:freedom'
const hub = 'http://127.0.0.1:8080'
/** Three clients write pages and contents; the path of what was answered 201 is a line of `answered`. */
const writers = `write() {
  for n in $(seq 1 100000); do
    [ -e over ] && return
    page=/pols/ARGBUE111FAV/$1-$n document=/personal-documents/$1-$n
    json='Content-Type: application/json'
    [ "$(${ask} ${hub}$page -H "$json" -d "{\\"summary\\": \\"Visit $n\\"}")" = 201 ] && echo $page >> answered
    [ "$(${ask} ${hub}$document -H "$json" -d '{"person": "ARGBUE111FAV"}')" = 201 ] && echo $document >> answered
    [ "$(echo "$1 $n" | ${ask} -T - ${hub}$document/content -H 'Content-Type: text/plain')" = 201 ] &&
      echo $document/content >> answered
  done
}
for client in a b c; do (mkdir $client; cd $client; ln -s ../over ../answered .; write $client) & done
wait`

/** Milliseconds: packages are installed and a system is started, on a machine that may do other things. */
const patience = 300_000

describeUnless(
  noMachine(['npm', 'sqlite3', 'psql']) ?? noPostgresql(),
  'a day in the life of a hub, by the commands of the guides to operations',
  () => {
    const packed = packedSources()
    let machine: GuidedMachine
    beforeAll(async () => {
      machine = await startGuidedMachine(packed)
    }, patience)
    afterAll(() => machine.remove())

    const [install = '', settings = '', command = '', start = ''] = service
    /** Of the paths that were answered, those that are answered otherwise than with 200 now. */
    const missing = (on: GuidedMachine, paths: string) =>
      on.run(`while read -r path; do
  status=$(${ask} ${hub}$path)
  [ $status = 200 ] || echo $path $status
done < ${paths}`)

    it('brings over what the original holds, and serves it', { timeout: patience }, async () => {
      await machine.run(
        'systemctl start "$(systemctl list-unit-files --no-legend --plain "postgresql@*" | cut -d" " -f1 | sed "s/@.*/@$(ls /etc/postgresql | tail -n 1)-main/")"',
      )
      await machine.run('runuser -u postgres -- createdb federation')
      await machine.run('runuser -u postgres -- psql --quiet --set ON_ERROR_STOP=1 federation', {
        input: `${sql};\nCREATE ROLE thalamus LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO thalamus;`,
      })
      await machine.run(install, { network: 'host' })
      await machine.run(settings)
      await machine.run(command)
      const migrated = await machine.run(
        "thalamus migrate --from 'postgresql:///federation?host=/var/run/postgresql&user=thalamus' --report /var/tmp/report",
      )
      expect(migrated).toMatch(/^people +3 +3 /m)
      expect(await machine.run(start)).toContain('"status":"ready"')
      expect(await machine.run(`curl --silent -u ESPGNU777ORG:${password} ${hub}/login`)).toContain('true')
    })

    it('takes a backup while clients write', { timeout: patience }, async () => {
      const [keep = '', backUp = '', trial = ''] = backupGuide('### Take a backup')
      await machine.run(keep)
      await machine.run('install -d -m 700 -o thalamus -g thalamus /var/backups/thalamus')
      await machine.run('touch answered')
      const writing = machine.run(writers)
      const answered = async () => Number(await machine.run('wc -l < answered'))
      while ((await answered()) < 20);
      await machine.run('cp answered before')
      const before = await answered()
      expect(await machine.run(backUp)).toContain('Backed up')
      expect(await answered()).toBeGreaterThan(before)
      await machine.run('touch over')
      await writing
      expect(await machine.run(trial)).toContain('all of it verified')
      expect(await machine.run(backupGuide('## Is everything whole').join(''))).toContain('All is whole')
    })

    it('forgets a person, and keeps the certificate where the key is', { timeout: patience }, async () => {
      await machine.run(`install -d -m 700 -o thalamus -g thalamus /mnt/keys/certificates
thalamus person deactivate ITAPYT999HON
thalamus erase ITAPYT999HON --reason 'Request 12/2026' > /mnt/keys/certificates/12-2026.json`)
    })

    it('is lost with its machine, and serves on another one all that was answered before the backup', {
      timeout: patience,
    }, async () => {
      const other = await startGuidedMachine(packed)
      try {
        const disks = await machine.run('tar -c before /var/backups/thalamus /mnt/keys | base64')
        await machine.run(
          'rm -r /var/lib/thalamus/* && kill -9 $(systemctl show --property MainPID --value thalamus)',
        )
        const [own = '', when = '', ...more] = backupGuide('### A lost machine')
        expect(more).toEqual([])
        other.installAs(machine)
        await other.run(install, { network: 'host' })
        await other.run(settings)
        await other.run(command)
        await other.run('base64 -d > disks && tar -x --no-same-owner -C / -f disks && mv /before .', {
          input: disks,
        })
        await other.run(own)
        const [, away = '', restore = '', again = '', , look = ''] = backupGuide('### Put a backup back')
        await other.run(away.replace(/^mv .*\n/, ''))
        expect(await other.run(restore)).toContain('all of it verified')
        expect(await other.run(again)).toContain('ITAPYT999HON')
        expect(await other.run(start)).toContain('"status":"ready"')
        expect(await missing(other, 'before')).toBe('')
        expect(await other.run(`${ask} ${hub}/people/ITAPYT999HON`)).toBe('410')
        expect(
          await other.run(`curl --silent -u ESPGNU777ORG:${password} ${hub}/people/ESPGNU777ORG`),
        ).toContain('Betz')
        const content = `curl --silent --fail -u ARGBUE111FAV:freedom ${hub}/personal-documents/d-scan/content`
        expect(await other.run(`${content} | wc -c`)).toBe(`${scan.length}\n`)
        expect(await other.run(look.replace(/^rm .*\n/m, ''))).toContain('All is whole')
        expect(await other.run(when)).toMatch(/^"\d+",\n"\d{4}-\d\d-\d\dT/)
      } finally {
        await other.remove()
      }
    })

    it('is put back where it was lost', { timeout: patience }, async () => {
      const [stop = '', away = '', restore = '', again = '', begin = '', look = ''] =
        backupGuide('### Put a backup back')
      await machine.run(stop)
      await machine.run(away)
      expect(await machine.run(restore)).toContain('all of it verified')
      await machine.run(again)
      expect(await machine.run(begin)).toContain('"status":"ready"')
      expect(await missing(machine, 'before')).toBe('')
      expect(await machine.run(look)).toContain('All is whole')
    })

    it('keeps what can be read of a log that has no backup', { timeout: patience }, async () => {
      const [stop = '', away = '', , , begin = ''] = backupGuide('### Put a backup back')
      await machine.run(stop)
      // The second half of the file is of no more use.
      await machine.run(`cd /var/lib/thalamus
size=$(stat -c %s events.db)
head -c $((size - size / 2)) /dev/urandom | dd status=none of=events.db bs=1M seek=$((size / 2)) oflag=seek_bytes conv=notrunc`)
      const { err } = await machine.attempt('thalamus serve --port 0')
      const readable = /Its first (\d+) events can be read/.exec(err)?.[1] ?? ''
      expect(Number(readable), err).toBeGreaterThan(0)
      await machine.run(away)
      const [salvage = ''] = backupGuide('### Without a backup')
      await machine.run(salvage.replace('1234', readable))
      expect(await machine.run(begin)).toContain('"status":"ready"')
    })

    it('takes a new root where the credentials are lost for good', { timeout: patience }, async () => {
      const [stop = '', , , , begin = ''] = backupGuide('### Put a backup back')
      await machine.run(stop)
      await machine.run('rm /var/lib/thalamus/auth.db*')
      const register =
        backupGuide('## Damaged, lost, put back').find(block => block.includes('NEWROOT')) ?? ''
      await machine.run(register)
      await machine.run(begin)
      expect(await machine.run(`curl --silent -u NEWROOT:freedom ${hub}/login`)).toContain('true')
    })
  },
)
