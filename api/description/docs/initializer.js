/* global SwaggerUIBundle */
const filter = document.querySelector('#filter')
const output = filter.querySelector('output')
const input = filter.querySelector('input')

/** Whether the method, path, summary or group of a request holds every word. */
const holds = (words, group, operation) => {
  const summary = operation.getIn(['operation', 'summary']) ?? ''
  const text = `${operation.get('method')} ${operation.get('path')} ${summary} ${group}`.toLowerCase()
  return words.every(word => text.includes(word))
}

const opsFilter = (groups, phrase) => {
  const words = phrase.toLowerCase().split(/\s+/)
  return groups
    .map((group, name) => group.update('operations', all => all.filter(one => holds(words, name, one))))
    .filter(group => group.get('operations').size > 0)
}

const ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [{ fn: { opsFilter } }],
  layout: 'BaseLayout',
  docExpansion: 'none',
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  // Without it the page would ask a validator on the Internet.
  validatorUrl: null,
  onComplete: () => {
    filter.hidden = false
  },
})

input.addEventListener('input', () => {
  const phrase = input.value.trim()
  ui.layoutActions.updateFilter(phrase === '' ? false : phrase)
  const groups = ui.specSelectors.taggedOperations()
  const left = phrase === '' ? groups : opsFilter(groups, phrase)
  // The groups that are left are opened; without a phrase all are closed again.
  for (const name of groups.keys())
    ui.layoutActions.show(['operations-tag', name], phrase !== '' && left.has(name))
  const count = left.reduce((sum, group) => sum + group.get('operations').size, 0)
  output.textContent = phrase === '' ? '' : `${count} found`
})
