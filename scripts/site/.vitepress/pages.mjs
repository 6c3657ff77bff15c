// Where the pages of the site come from: docs/, and the texts beside it that readers look for. On a code host their
// links lead to the files of the repository. On the site they lead to its pages, and for what is no page to the
// repository.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const repository = 'https://github.com/gatepost/gatepost'
export const top = fileURLToPath(new URL('../../../', import.meta.url))

// besides are the pages that are not in docs/.
const besides = { 'README.md': 'start.md', 'CHANGELOG.md': 'changelog.md', 'SECURITY.md': 'report.md' }

// pageOf returns the name that a file of the repository has on the site, or undefined for what is no part of it.
export const pageOf = (file) =>
  file in besides ? besides[file]
    : file.startsWith('docs/') ? file.slice('docs/'.length).replace(/(^|\/)README\.md$/, '$1index.md')
      : undefined

// addressOf returns the address of a page of the site.
export const addressOf = (page) => '/' + page.replace(/\.md$/, '').replace(/(^|\/)index$/, '$1')

// targetOf returns the file of the repository to which a link in a file leads. One that leads nowhere ends the build.
export function targetOf(link, file) {
  const target = resolve(top, dirname(file), link)
  if (!existsSync(target)) throw new Error(`${file}: ${link} leads nowhere`)
  return relative(top, target)
}

// siteLink returns the link of the site for one in a file. What the site needs besides its pages is added to files.
export function siteLink(link, file, files) {
  if (/^([a-z][a-z+.-]*:|#)/i.test(link)) return link
  const [path, anchor = ''] = link.split(/(?=#)/)
  const target = targetOf(path, file)
  const page = pageOf(target)
  if (!page) {
    const kind = statSync(resolve(top, target)).isDirectory() ? 'tree' : 'blob'
    return `${repository}/${kind}/main/${target}${anchor}`
  }
  if (!page.endsWith('.md')) files.add(page)
  return addressOf(page) + anchor
}

// titleOf returns the first heading of a file of the repository, or undefined.
export const titleOf = (file) => readFileSync(resolve(top, file), 'utf8').match(/^# (.+)$/m)?.[1]
