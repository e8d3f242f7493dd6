// Says of each text of a JSON list whether npm takes it for a licence expression; the argument is the folder of npm's own code.
const { createRequire } = require('node:module')
const { join } = require('node:path')
const parse = createRequire(join(process.argv[2], 'package.json'))('spdx-expression-parse')

const takes = (text) => {
  try {
    parse(text)
    return true
  } catch {
    return false
  }
}
const texts = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
console.log(JSON.stringify(texts.map(takes)))
